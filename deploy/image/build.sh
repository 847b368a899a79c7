#!/usr/bin/env bash
# Builds Plumbline's image with whatever is here: docker, podman or buildah.
#
#   deploy/image/build.sh [TAG]              (default: localhost/plumbline:dev)
#   TARGET=test deploy/image/build.sh TAG    the image with pytest in it (deploy/image/test.sh)
#   ENGINE=buildah BASE=localhost/debian:13 NO_CACHE=1 deploy/image/build.sh
#
# Prints the image's id. The package index, its certificate and apt's settings are those that this machine's pip and apt
# are told to use; they go in as build secrets and stay out of the image. Where debian:13-slim cannot be pulled, buildah
# gets a base from Debian's packages (deploy/image/base.sh). Exit code 2: it cannot be built here; one line says why.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-localhost/plumbline:dev}
target=${TARGET:-image}
refuse() { echo "image: $*" >&2; exit 2; }
say() { echo "image: $*" >&2; }

works() { command -v "$1" >/dev/null && { [ "$1" = buildah ] || timeout 20 "$1" info; } >/dev/null 2>&1; }
engine=${ENGINE:-}
if [ -z "$engine" ]; then
  for candidate in docker podman buildah; do
    if works "$candidate"; then engine=$candidate; break; fi
  done
fi
[ -n "$engine" ] || refuse "neither docker, podman nor buildah works here; on Debian: apt install buildah mmdebstrap"
works "$engine" || refuse "ENGINE=$engine does not work here"

# Modification times, and when the image says it was made: when its packages were last decided on. So layers keep their
# digests from one commit to the next, and a cluster's nodes fetch only what is new.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct -- deploy/Dockerfile deploy/image 2>/dev/null || true)}
epoch=${epoch:-315532800}   # 1980: ZIP files, and so Python's wheels, know no earlier time

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -m 700 "$work/secrets"
bash deploy/image/index.sh "$work/secrets"
secrets=()
for file in "$work"/secrets/*; do
  [ -f "$file" ] || continue
  secrets+=(--secret "id=$(basename "$file"),src=$file")
done

recipe=$(cat requirements.lock deploy/image/*.lock deploy/image/*.sh deploy/image/*.py | cksum | tr -d ' ')
arguments=(--file deploy/Dockerfile --target "$target" --tag "$tag" --build-arg "RECIPE=$recipe" "${secrets[@]}")
base=${BASE:-}
if [ "$engine" = buildah ]; then
  if [ -z "$base" ]; then
    base=debian:13-slim
    if ! timeout 60 buildah pull --quiet "$base" >/dev/null 2>&1; then
      base=localhost/plumbline-base:13
      if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
        say "no registry here: making a Debian 13 base image"
        bash deploy/image/base.sh "$base" "$epoch"
      fi
    fi
  fi
  # chroot needs neither user namespaces nor limits that a container around us may forbid.
  arguments+=(--isolation "${BUILDAH_ISOLATION:-chroot}" --timestamp "$epoch" --identity-label=false)
  # Kept layers make the next build quick; keeping the builder's takes time and 3.5 GB.
  [ -n "${NO_CACHE:-}" ] || arguments+=(--layers)
elif [ "$engine" = podman ]; then
  arguments+=(--timestamp "$epoch")
else
  export DOCKER_BUILDKIT=1 SOURCE_DATE_EPOCH=$epoch
  arguments+=(--build-arg "SOURCE_DATE_EPOCH=$epoch")
fi
[ -n "$base" ] && arguments+=(--build-arg "BASE=$base")
[ -n "${NO_CACHE:-}" ] && [ "$engine" != buildah ] && arguments+=(--no-cache)

command=("$engine" build)
[ "$engine" = buildah ] && command=(buildah bud)
began=$(date +%s)
if ! "${command[@]}" "${arguments[@]}" --iidfile "$work/id" . >"$work/log" 2>&1; then
  tail -n 40 "$work/log" >&2
  refuse "$engine could not build it; its last lines stand above"
fi
grep '^trim: ' "$work/log" >&2 || true
say "$tag built with $engine in $(( $(date +%s) - began )) s"
cat "$work/id"
