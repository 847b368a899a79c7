#!/usr/bin/env bash
# Runs tests inside the built image: its Python, its packages, its copy of the project; only tests and data are mounted.
#
#   deploy/image/test.sh                            the fast tests of everything
#   deploy/image/test.sh tests/components -k drift  whatever pytest takes
#
# TAG: the image (default localhost/plumbline:test; built if it is not there). UID_IN_IMAGE: the user id to run as
# (default 10001). The exit code is pytest's.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${TAG:-localhost/plumbline:test}
user=${UID_IN_IMAGE:-10001}
[ $# -gt 0 ] || set -- tests -m "not e2e and not slow"

if ! command -v buildah >/dev/null; then
  echo "image: buildah is not here; on Debian: apt install buildah mmdebstrap" >&2
  exit 2
fi
buildah inspect --type image "$tag" >/dev/null 2>&1 || TARGET=test bash deploy/image/build.sh "$tag" >/dev/null

mounts=()
for path in tests benchmarks data/sample deploy docs pyproject.toml requirements.lock Makefile README.md; do
  mounts+=(--volume "$PWD/$path:/app/$path:ro")
done
container=$(buildah from --pull-never "$tag")
trap 'buildah rm "$container" >/dev/null' EXIT
# The cache would be written below /app, which belongs to root. Beam's workers call their job server by the machine's name,
# which has to lead somewhere.
buildah run --isolation "${BUILDAH_ISOLATION:-chroot}" --hostname localhost --user "$user:0" --env CI="${CI:-}" "${mounts[@]}" "$container" -- \
  python -m pytest -q -p no:cacheprovider "$@"
