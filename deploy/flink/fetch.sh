#!/usr/bin/env bash
# Downloads Flink and builds Beam's job server in .flink; does nothing if they exist.
#
#   deploy/flink/fetch.sh
#
# Flink is a package on PyPI; Maven builds the job server. pip and mvn use their configured sources, and the downloads
# are verified by the checksums in this folder. Exit code 2: they cannot be downloaded; one line on stderr gives the
# reason.
set -euo pipefail
source "$(dirname "$0")/common.sh"
source "$(dirname "$0")/versions.sh"

wanted="$(cat "$(dirname "$0")"/versions.sh "$(dirname "$0")"/job-server/* | cksum)"
ready() { [ "$(cat "$flink_dir/.ready" 2>/dev/null)" = "$wanted" ]; }
ready && exit 0
need_java
command -v mvn >/dev/null || refuse "Maven, which builds Beam's job server, was not found (Debian: apt install maven)"
lock "$flink_dir/.lock" "$python"
ready && exit 0

work=$flink_dir/.new
rm -rf "$work"
mkdir -p "$work"
cd "$work"

say "fetching Flink $flink_version (once; 230 MB)"
# A source package of which only the jars are used: nothing is built or installed.
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --no-cache-dir \
  --require-hashes -r <(echo "$flink_package==$flink_version --hash=sha256:$flink_sha256") -d package >pip.log 2>&1 \
  || refuse "pip could not download $flink_package $flink_version: $(grep -m 1 -iE 'error|hash' pip.log || echo "see $work/pip.log")"
mkdir dist
tar -xzf package/*.tar.gz -C dist --strip-components=2 --wildcards '*/deps/lib' '*/deps/licenses'
rm -rf package
# Beam does not use Table API and SQL, which would add 100 MB to the class path of every JVM.
rm -f dist/lib/flink-table-* dist/lib/flink-scala_* dist/lib/flink-cep-* dist/lib/flink-csv-* dist/lib/flink-json-*

say "putting Beam's job server together (once; 150 MB)"
cp "$project"/deploy/flink/job-server/pom.xml .
mvn -B -q package >mvn.log 2>&1 \
  || refuse "Maven could not download Beam's job server: $(grep -m 1 -E '^\[ERROR\]' mvn.log | cut -c 9-300 || echo "see $work/mvn.log")"
"$python" - "$project/deploy/flink/job-server/SHA256SUMS" target/parts <<'CHECK' || refuse "a part of Beam's job server differs from deploy/flink/job-server/SHA256SUMS; nothing was kept"
import hashlib, pathlib, sys
sums = dict(reversed(line.split()) for line in open(sys.argv[1]))
found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in pathlib.Path(sys.argv[2]).iterdir()}
wrong = sorted(name for name in sums.keys() | found.keys() if sums.get(name) != found.get(name))
sys.exit(f"flink: {', '.join(wrong)}: wrong, missing or unexpected" if wrong else 0)
CHECK

rm -rf "$flink_dir/dist"
mv dist "$flink_dir/dist"
mv target/job-server.jar "$flink_dir/job-server.jar"
cd "$flink_dir"
rm -rf "$work"
echo "$wanted" > .ready.new && mv .ready.new .ready
