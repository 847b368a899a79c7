#!/usr/bin/env bash
# Writes what this machine's pip and apt are told about where packages come from, as files for build secrets.
#
#   index.sh FOLDER
#
# index.env (shell assignments for pip and uv), index.crt (certificate authorities), apt.sources, apt.conf; only those
# that there is something to say in. They may hold passwords: FOLDER is the caller's, closed to others and removed.
set -euo pipefail
folder=$1
umask 077

python=.venv/bin/python
[ -x $python ] || python=$(command -v python3 || true)
# pip knows: environment before files, a user's file before the machine's.
asked() { [ -z "$python" ] || "$python" -m pip config get "$1" 2>/dev/null || true; }

index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(asked global.index-url)}}
extra=${UV_INDEX:-${PIP_EXTRA_INDEX_URL:-$(asked global.extra-index-url)}}
trusted=${PIP_TRUSTED_HOST:-$(asked global.trusted-host)}
{
  assign() { [ -z "$2" ] || printf 'export %s=%q\n' "$1" "$2"; }
  assign PIP_INDEX_URL "$index"
  assign UV_DEFAULT_INDEX "$index"
  assign PIP_EXTRA_INDEX_URL "$extra"
  assign UV_INDEX "$extra"
  assign PIP_TRUSTED_HOST "$trusted"
  assign UV_INSECURE_HOST "$trusted"
  # A slow index: the longest wait that pip is allowed is uv's, too.
  assign UV_HTTP_TIMEOUT "${UV_HTTP_TIMEOUT:-${PIP_DEFAULT_TIMEOUT:-$(asked global.timeout)}}"
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do assign $name "${!name:-}"; done
} > "$folder/index.env"

certificate=${PIP_CERT:-${SSL_CERT_FILE:-$(asked global.cert)}}
[ -z "$certificate" ] || [ ! -r "$certificate" ] || cp "$certificate" "$folder/index.crt"

# Only Debian's own apt can say something that Debian 13 understands.
if [ -r /etc/debian_version ] && [ "$(. /etc/os-release && echo "${ID:-}")" = debian ]; then
  bash "$(dirname "$0")/base.sh" --sources > "$folder/apt.sources"
  apt-config dump | grep -E '^Acquire::(https?|ftp|Check|Retries|AllowInsecure)' > "$folder/apt.conf" || true
fi
find "$folder" -type f -empty -delete
