"""The processes below this one, and ending them."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

TERMINATE_SECONDS = 1.0
"""Seconds that children have after SIGTERM before they are killed."""


def descendants(pid: int | None = None) -> set[int]:
    """Process ids of all below a process (default: this one), from /proc; empty on systems that have none."""
    below: dict[int, list[int]] = {}
    try:
        entries = [entry.name for entry in os.scandir("/proc") if entry.name.isdigit()]
    except OSError:
        return set()
    for name in entries:
        with suppress(OSError, ValueError, IndexError):
            # pid (name) state ppid ...; the name may hold anything, so what follows its last bracket is read.
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
    """Ends all processes below this one: SIGTERM, and SIGKILL for what is still there after TERMINATE_SECONDS."""
    left = descendants()  # collected before the first one ends: the children of one that has ended are nobody's
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
