"""Memory: what there is, what has been used at most, and the line for when it is not enough."""

import resource
import sys
from pathlib import Path

from components.shared.errors import ResourceError

CGROUPS = Path("/sys/fs/cgroup")
"""Where a container sees its own cgroup."""

_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)
"""Of cgroup v2 and v1: limit, use, statistics, and the entry that counts the use's own part of page cache."""

SETTINGS = "lower [data] window, try with --sample N, or give it more memory"


def peak_bytes() -> int:
    """The most that this process has held in memory so far (its resident set).

    On Linux from `VmHWM`: `ru_maxrss` begins with the peak of the process that started this one.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def available_bytes() -> int | None:
    """What this process may still take: the least of the machine's, the container's and the process's limit.

    None where the system does not say it.
    """
    found = [left for left in (_of_machine(), left_in_container(), address_space_left()) if left is not None]
    return min(found) if found else None


def address_space_left() -> int | None:
    """What `ulimit -v` leaves this process; None if there is no limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    used = _number(Path("/proc/self/statm"), 0)
    return max(0, limit - (used or 0) * resource.getpagesize())


def memory_error(step: str) -> ResourceError:
    """Out of memory: the step, the peak, what there is, and what lowers it."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    limited = "" if limit == resource.RLIM_INFINITY else f", {limit / 1e9:.1f} GB allowed (ulimit -v)"
    left = available_bytes()
    there = "" if left is None else f", {left / 1e9:.1f} GB left"
    who = f"{step}: " if step else ""
    return ResourceError(f"{who}out of memory (peak {peak_bytes() / 1e9:.1f} GB{there}{limited}); {SETTINGS}")


def _of_machine() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def left_in_container(cgroups: Path = CGROUPS) -> int | None:
    """Bytes that the container's limit leaves; None if it has none.

    What is used is the working set as the kubelet computes it: usage without `inactive_file`, page cache that the
    kernel gives back under pressure (Kubernetes, Node-pressure Eviction, `memory.available`). A container that has read
    a large table would otherwise seem full.
    """
    for most, used, stat, entry in _FILES:
        limit, now = _number(cgroups / most, 0), _number(cgroups / used, 0)
        if limit is not None and now is not None and limit < 1 << 60:
            working_set = max(0, now - _entry(cgroups / stat, entry))
            return max(0, limit - working_set)
    return None


def _entry(path: Path, name: str) -> int:
    """A number of memory.stat by its name; 0 if it does not say it."""
    try:
        for line in path.read_text().splitlines():
            if line.startswith(f"{name} "):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


def _number(path: Path, position: int) -> int | None:
    try:
        return int(path.read_text().split()[position])
    except (OSError, ValueError, IndexError):
        return None
