#!/usr/bin/env bash
# Makes the base image from Debian packages, for a machine without a container registry; buildah and mmdebstrap do it.
#
#   base.sh IMAGE EPOCH      Debian 13 as small as debian:13-slim; every time stamp is EPOCH (seconds)
#   base.sh --sources        print apt's sources for Debian 13: the machine's own, with the release's name replaced
#
# The image itself has no sources: packages come in while it is built, from those that build.sh hands over.
set -euo pipefail
release=trixie
refuse() { echo "image: $*" >&2; exit 2; }

sources() {
  local here suite file
  here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  [ "$(. /etc/os-release && echo "${ID:-}")" = debian ] || refuse "apt sources for Debian 13 are only known on Debian; set BASE to an image that is here"
  suite="$here(-updates|-security)?"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    [ -r "$file" ] || continue
    case $file in
      *.sources) grep -Eq "^Suites:.*[[:space:]]$suite([[:space:]]|\$)" "$file" || continue
                 sed "s/\b$here\b/$release/g" "$file"; echo ;;
      *.list)    # One line each: the same in the other format, so that all of them fit one file.
                 sed -nE "s/\b$here\b/$release/g; s/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+($release[^[:space:]]*)[[:space:]]+(.*)/Types: deb\nURIs: \2\nSuites: \3\nComponents: \4\nSigned-By: \/usr\/share\/keyrings\/debian-archive-keyring.gpg\n/p" "$file" ;;
    esac
  done
}

if [ "${1:-}" = --sources ]; then sources; exit; fi
image=$1
epoch=$2
for tool in buildah mmdebstrap; do
  command -v $tool >/dev/null || refuse "no base image can be pulled, and $tool, which would make one, is not there; apt install $tool, or set BASE"
done
[ "$(id -u)" = 0 ] || refuse "making a base image needs root; set BASE to an image that is here"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources > "$work/debian.sources"
[ -s "$work/debian.sources" ] || refuse "no apt source of this machine's release was found below /etc/apt; set BASE"
# What debian:13-slim leaves out, too: documentation, manuals, translations.
slim=()
for kind in doc man info locale lintian; do slim+=(--dpkgopt="path-exclude=/usr/share/$kind/*"); done
SOURCE_DATE_EPOCH=$epoch mmdebstrap --quiet --mode=root --variant=minbase "${slim[@]}" \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/etc/hostname "$1"/etc/resolv.conf' \
  --customize-hook='rm -rf "$1"/var/log/* "$1"/var/cache/ldconfig/aux-cache' \
  $release "$work/base.tar" "$work/debian.sources" 2>"$work/log" \
  || refuse "mmdebstrap could not make the base image: $(grep -E '^(E|Err)' "$work/log" | tail -n 1)"
printf 'FROM scratch\nADD base.tar /\nCMD ["bash"]\n' > "$work/Dockerfile"
# The name that no other build waits for: two at once each make their own, and the last one keeps the name.
buildah bud --quiet --isolation chroot --identity-label=false --timestamp "$epoch" --file "$work/Dockerfile" --tag "$image" "$work" >/dev/null
