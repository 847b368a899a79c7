#!/bin/sh
# Inside the build: makes a virtual environment of exactly the packages of a lock, by hash.
#
#   install.sh VENV LOCK
#
# The build secret index.env, where given, says which package index to ask; index.crt which authority to trust.
set -eu
venv=$1
lock=$2
tools=$(mktemp -d)
[ -s /run/secrets/index.env ] && . /run/secrets/index.env
[ -s /run/secrets/index.crt ] && export PIP_CERT=/run/secrets/index.crt SSL_CERT_FILE=/run/secrets/index.crt

# uv and setuptools as they are in the project's lock. They stay outside: the image has no installer.
pick() { awk -v names="^($1)==" '/^[^ #]/ { keep = $0 ~ names } keep' /run/requirements.lock > "$tools/$2"; }
pick uv uv.txt
pick setuptools setuptools.txt
python3 -m venv "$tools/venv"
"$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes \
  --requirement "$tools/uv.txt"

python3 -m venv --without-pip "$venv"
export VIRTUAL_ENV="$venv" UV_CACHE_DIR="$tools/cache" UV_PYTHON_DOWNLOADS=never
install() { "$tools/venv/bin/uv" pip install --quiet --link-mode hardlink --require-hashes --no-deps "$@"; }
# setuptools first: the source packages are built with it, not with whatever is newest today.
install --requirement "$tools/setuptools.txt"
install --no-build-isolation --requirement "$lock"
rm -rf "$tools"
