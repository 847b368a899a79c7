"""Lists and terminates the descendant processes of this process."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

TERMINATE_SECONDS = 1.0
"""Seconds between SIGTERM and SIGKILL."""


def descendants(pid: int | None = None) -> set[int]:
    """Returns the ids of all descendants of a process, read from /proc.

    Args:
      pid: The process; None for this one.

    Returns:
      Process ids; empty on systems without /proc.
    """
    below: dict[int, list[int]] = {}
    try:
        entries = [entry.name for entry in os.scandir("/proc") if entry.name.isdigit()]
    except OSError:
        return set()
    for name in entries:
        with suppress(OSError, ValueError, IndexError):
            # Format: pid (name) state ppid ... The name may contain brackets, so parse after the last one.
            parent = int(Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            below.setdefault(parent, []).append(int(name))
    found: set[int] = set()
    open_ = [os.getpid() if pid is None else pid]
    while open_:
        for child in below.get(open_.pop(), ()):
            if child not in found:
                found.add(child)
                open_.append(child)
    return found


def end_descendants() -> None:
    """Terminates all descendants: SIGTERM, then SIGKILL for those that still run after TERMINATE_SECONDS."""
    left = descendants()  # collected first: the children of an ended process get another parent
    for pid in left:
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + TERMINATE_SECONDS
    while left and time.monotonic() < deadline:
        left = {pid for pid in left if _runs(pid)}
        time.sleep(0.02)
    for pid in left:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    with suppress(OSError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False
