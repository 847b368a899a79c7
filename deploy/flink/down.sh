#!/usr/bin/env bash
# Stops the cluster that up.sh started, and no other process.
#
#   deploy/flink/down.sh             (or: make flink-down)
#
# Downloads and logs are kept; `rm -rf .flink` removes them.
set -euo pipefail
source "$(dirname "$0")/common.sh"
[ -d "$state" ] || { say "no cluster was started here"; exit 0; }
lock "$state/.lock" "$python"
shopt -s nullglob
stopped=()
for file in "$state"/taskmanager-*.pid "$state"/jobmanager.pid; do
  if pid=$(running "$file"); then
    kill "$pid" 2>/dev/null || true
    stopped+=("$pid")
  fi
done
for pid in ${stopped[@]+"${stopped[@]}"}; do
  for _ in $(seq 50); do ours "$pid" || break; sleep 0.2; done
  if ours "$pid"; then kill -9 "$pid" 2>/dev/null || true; fi
done
rm -rf "$state"/*.pid "$state"/tmp
say "${#stopped[@]} processes ended"
