#!/usr/bin/env bash
# Installs packages that some tests need: a browser for reports, two database servers for ML Metadata, tools that build
# the image without a container engine, and promtool, which checks Prometheus' rules. Without the rights to do so it prints
# a message and changes nothing; these tests are then skipped (in CI they fail).
#
#   deploy/test_packages.sh
#   CHROMIUM=/path/to/chromium make test     (another Chromium or Chrome, instead)
set -euo pipefail

say() { echo "test packages: $*" >&2; }
there() { for name in "$@"; do if command -v "$name" >/dev/null 2>&1; then return 0; fi; done; return 1; }

wanted=()
if [ -n "${CHROMIUM:-}" ]; then
  there "$CHROMIUM" || say "CHROMIUM=$CHROMIUM is no program; nothing was installed in its place"
elif ! there chromium chromium-browser google-chrome; then
  wanted+=(chromium)
fi
if ! compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null && ! there postgres; then wanted+=(postgresql); fi
if ! there mariadbd mysqld && [ ! -x /usr/sbin/mariadbd ]; then wanted+=(mariadb-server-core mariadb-client-core); fi
for tool in buildah mmdebstrap; do there $tool || wanted+=($tool); done
there promtool || wanted+=(prometheus)
[ ${#wanted[@]} -gt 0 ] || exit 0

# On Ubuntu the package chromium only installs a snap, which runs neither in containers nor as root.
if ! there apt-get || ! grep -qE '^ID(_LIKE)?="?debian' /etc/os-release 2>/dev/null || grep -q '^ID=ubuntu' /etc/os-release; then
  say "not there: ${wanted[*]}; this is not Debian, so install them by hand, or the tests that need them are skipped"
  exit 0
fi
root=()
if [ "$(id -u)" != 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    say "not there: ${wanted[*]}; as root: apt-get install ${wanted[*]}. The tests that need them are skipped"
    exit 0
  fi
  root=(sudo -n)
fi
say "installing ${wanted[*]} (once)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package of a database server would create a cluster and start it, and that of Prometheus a server; the tests start
# their own, or none.
install() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "${wanted[@]}"
}
if ! { install || { "${root[@]}" apt-get update && install; }; } >"$log" 2>&1; then
  say "could not be installed ($(tail -n 1 "$log")); the tests that need them are skipped"
fi
