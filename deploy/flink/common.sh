# Shared by fetch.sh, up.sh and down.sh: folders, messages and checks.
#
#   FLINK_DIR     folder of downloads (default: .flink in the project's folder)
#   FLINK_STATE   configuration, logs and process ids of one cluster (default: $FLINK_DIR/cluster)

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
flink_dir=${FLINK_DIR:-$project/.flink}
[[ $flink_dir == /* ]] || flink_dir=$PWD/$flink_dir
state=${FLINK_STATE:-$flink_dir/cluster}
[[ $state == /* ]] || state=$PWD/$state

# Exit code 2: a prerequisite is missing on this machine.
refuse() { echo "flink: $*" >&2; exit 2; }
say() { echo "flink: $*" >&2; }

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
python=$project/.venv/bin/python
[ -x "$python" ] || python=python3

source "$project/deploy/lock.sh"

need_java() {
  local found
  found=$("$java" -version 2>&1) || refuse "Java was not found; install a JRE of version 11 to 21 (Debian: default-jre-headless) or set JAVA_HOME"
  found=$(sed -nE '1s/.*"([0-9]+).*/\1/p' <<<"$found")
  [ "${found:-0}" -ge 11 ] || refuse "$java is version ${found:-unknown}; Flink needs Java 11 to 21: set JAVA_HOME"
}

# Whether process $1 runs and belongs to this cluster: the process id may have been reused.
ours() {
  [ -n "${1:-}" ] || return 1
  ps -ww -o command= -p "$1" 2>/dev/null | grep -Fq -- "--configDir $state/conf"
}

# Prints the process id in file $1 if that process belongs to this cluster.
running() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 1
  ours "$pid" && echo "$pid"
}
