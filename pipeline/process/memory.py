"""Available and peak memory of this process, and the error message for too little memory."""

import resource
import sys
from pathlib import Path

from components.shared.errors import ResourceError

CGROUPS = Path("/sys/fs/cgroup")
"""Folder in which a container sees its own cgroup."""

_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)
"""For cgroup v2 and v1: limit, usage, statistics, and the entry for the page cache within the usage."""

SETTINGS = "lower [data] window, use --sample N, or provide more memory"


def peak_bytes() -> int:
    """Returns the peak resident set size of this process in bytes.

    Linux: `VmHWM`, since `ru_maxrss` starts with the peak of the parent process.
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
    """Returns the bytes that this process may still allocate: the minimum over machine, container and process limit.

    Returns:
      Bytes; None if the system reports none of the three.
    """
    found = [left for left in (_of_machine(), left_in_container(), address_space_left()) if left is not None]
    return min(found) if found else None


def address_space_left() -> int | None:
    """Returns the bytes of address space that `ulimit -v` leaves this process; None without a limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    used = _number(Path("/proc/self/statm"), 0)
    return max(0, limit - (used or 0) * resource.getpagesize())


def memory_error(step: str) -> ResourceError:
    """Makes the error for a lack of memory.

    Args:
      step: Name of the running step; "" if unknown.
    """
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
    """Returns the bytes that the container's memory limit leaves; None without a limit.

    Used memory is the working set as the kubelet computes it: usage without `inactive_file`, which is page cache that
    the kernel reclaims under pressure (Kubernetes, Node-pressure Eviction, `memory.available`). Otherwise a container
    that has read a large table would appear to be full.

    Args:
      cgroups: Folder of the cgroup file system.
    """
    for most, used, stat, entry in _FILES:
        limit, now = _number(cgroups / most, 0), _number(cgroups / used, 0)
        if limit is not None and now is not None and limit < 1 << 60:
            working_set = max(0, now - _entry(cgroups / stat, entry))
            return max(0, limit - working_set)
    return None


def _entry(path: Path, name: str) -> int:
    """An entry of memory.stat; 0 if it is missing."""
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
