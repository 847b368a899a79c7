#!/usr/bin/env bash
# Installs the browser in which the tests open reports: Debian's `chromium`, by package name, where this may be done.
# Where it may not, says so and leaves everything as it is: the tests then skip (in CI they fail).
#
#   deploy/browser.sh
#   CHROMIUM=/path/to/chromium make test     (another Chromium or Chrome, instead)
set -euo pipefail

say() { echo "browser: $*" >&2; }

for name in ${CHROMIUM:-chromium chromium-browser google-chrome}; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ -n "${CHROMIUM:-}" ]; then say "CHROMIUM=$CHROMIUM is no program; nothing was installed"; exit 0; fi
if ! command -v apt-get >/dev/null 2>&1; then
  say "no Chromium, and no apt-get to install it with; install Chromium or set CHROMIUM, or the browser tests are skipped"
  exit 0
fi
# On Ubuntu the package of that name is an empty hull around a snap, which runs neither in containers nor as root.
if ! grep -qE '^ID(_LIKE)?="?debian' /etc/os-release 2>/dev/null || grep -q '^ID=ubuntu' /etc/os-release; then
  say "no Chromium, and this is not Debian; install Chromium or set CHROMIUM, or the browser tests are skipped"
  exit 0
fi
root=()
if [ "$(id -u)" != 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    say "no Chromium, and no right to install it; as root: apt-get install chromium. The browser tests are skipped"
    exit 0
  fi
  root=(sudo -n)
fi
say "installing Debian's chromium (once)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; }
if ! { install || { "${root[@]}" apt-get update && install; }; } >"$log" 2>&1; then
  say "chromium could not be installed ($(tail -n 1 "$log")); the browser tests are skipped"
fi
