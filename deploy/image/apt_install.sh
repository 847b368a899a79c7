#!/bin/sh
# Inside the build: installs Debian packages and leaves no trace of where they came from, nor of when.
#
#   apt_install.sh PACKAGE ...
#
# Build secrets apt.sources and apt.conf, where given, stand in for the base image's own sources and settings.
set -eu
sources=/run/secrets/apt.sources
set -- --no-install-recommends "$@"
apt() { apt-get --quiet --quiet --yes "$@"; }
if [ -s "$sources" ]; then
  parts=$(mktemp -d)
  cp "$sources" "$parts/host.sources"
  conf=$(mktemp)
  cat /run/secrets/apt.conf > "$conf" 2>/dev/null || true
  printf 'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "%s";\n' "$parts" >> "$conf"
  chmod -R a+rX "$parts" "$conf"
  export APT_CONFIG="$conf"
fi
export DEBIAN_FRONTEND=noninteractive
apt update
apt install "$@" >/dev/null
rm -rf "${parts:-}" "${conf:-}"
# Lists name the archive; logs, caches and backups hold the time or the order of things.
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
rm -rf /var/log/* /usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/* /usr/share/lintian
