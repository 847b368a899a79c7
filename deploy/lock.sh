# One at a time. Sourced by bash scripts that have `say`, and `refuse`, which ends them.
#
#   lock FILE [PYTHON]      PYTHON is asked where there is no flock(1), as on macOS (default: python3)
#
# Returns once FILE is held, and it is held until this process has ended, however it ends: the kernel lets go of it. So a
# kill -9 leaves nothing to be taken over, which two could do at once. FILE stays: who removes it may remove another's.
#
# Commands inherit what it is held by, descriptor 9: what a killed script has started, and still writes, keeps others
# out. What shall outlive the script is started with 9>&-.
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
    "${take[@]}" 9 || refuse "$file: cannot be locked; is it on a file system without locks?"
  fi
  echo $$ >"$file"
}
