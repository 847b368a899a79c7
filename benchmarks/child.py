"""What one child process took, by the kernel's own account of it."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Took:
    """Seconds of wall and CPU time (user and system, of the child's own children too), and peak resident MB."""

    wall: float
    cpu: float
    peak_mb: float


def took(arguments: Sequence[str], folder: Path) -> Took:
    """Runs this Python with the arguments, in a folder; ends this process where the child fails."""
    began = time.perf_counter()
    with (folder / "child.log").open("w") as log:
        process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"python {' '.join(arguments)} failed:\n{(folder / 'child.log').read_text()[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss: bytes on macOS, KiB on Linux
    return Took(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20)
