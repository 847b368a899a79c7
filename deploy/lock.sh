# A file lock for bash scripts, to be sourced. The script must define `say`, and `refuse`, which exits.
#
#   lock FILE [PYTHON]      PYTHON makes the lock where flock(1) is missing, as on macOS (default: python3)
#
# Returns when FILE is locked. The kernel releases the lock when this process ends, also after kill -9. FILE is never
# removed, since that could remove the lock of another process.
#
# Child processes inherit the lock by file descriptor 9: a child that still writes after its script was killed keeps
# others out. Start a process that should outlive the script with 9>&-.
lock() {
  local file=$1 python=${2:-python3} owner
  local -a take=(flock)
  if ! command -v flock >/dev/null; then
    command -v "$python" >/dev/null || refuse "neither flock nor Python was found; install one of them"
    take=("$python" -c 'import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | (fcntl.LOCK_NB if "-n" in sys.argv else 0))
except BlockingIOError:
    sys.exit(1)')
  fi
  mkdir -p "$(dirname "$file")"
  exec 9>>"$file"
  if ! "${take[@]}" -n 9 2>/dev/null; then
    owner=$(cat "$file")
    say "waiting for process ${owner:-unknown}, or what it has started, which is at work in $(dirname "$file")"
    "${take[@]}" 9 || refuse "$file: cannot be locked; use a file system that supports locks"
  fi
  echo $$ >"$file"
}
