"""Measures a command as a child process: wall and CPU seconds, peak resident memory with descendants; Linux only."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scale_parts import PeakMemory
from components.shared.errors import UsageError

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Measured:
    """A successful command.

    Attributes:
      seconds: Wall time.
      cpu_seconds: User and system time of the process and its ended children.
      peak_mb: Peak resident memory of the process and its descendants together, sampled four times a second.
      stdout: Its standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    stdout: str

    def to_json(self) -> dict[str, float]:
        """Figures as printed."""
        return {
            "seconds": round(self.seconds, 2),
            "cpu_seconds": round(self.cpu_seconds, 2),
            "peak_mb": round(self.peak_mb),
        }


@dataclass(frozen=True)
class Ended(Measured):
    """A command that ended, successfully or not.

    Attributes:
      exit_code: Exit code; the negative number of a signal that ended it.
      said: Last line on stderr; "" if there is none.
    """

    exit_code: int
    said: str

    def to_json(self) -> dict[str, float]:
        """Figures as printed."""
        return {"exit_code": self.exit_code, **super().to_json()}


def measure(
    command: Sequence[str], folder: Path, tree: Path = CHECKOUT, more: Mapping[str, str] | None = None
) -> Measured:
    """Runs a command and measures it.

    Args:
      command: Program and arguments.
      folder: Working folder, in which its output is kept (out.txt, log.txt).
      tree: The checkout whose packages a Python process imports.
      more: Additional environment variables.

    Raises:
      UsageError: The exit code is not 0; the message is the last line on stderr.
    """
    found = attempt(command, folder, tree, more)
    if found.exit_code != 0:
        said = found.said or "no message"
        raise UsageError(f"{' '.join(command[1:4])} ended with exit code {found.exit_code}: {said}")
    return found


def attempt(
    command: Sequence[str],
    folder: Path,
    tree: Path = CHECKOUT,
    more: Mapping[str, str] | None = None,
    limit: float | None = None,
) -> Ended:
    """Runs it to its end, as `measure`; after `limit` seconds it is asked to end (SIGTERM)."""
    surroundings = {**os.environ, "PYTHONPATH": str(tree), **(more or {})}
    with (folder / "out.txt").open("w") as out, (folder / "log.txt").open("w") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=surroundings, stdout=out, stderr=log)
        ending = threading.Timer(limit, process.terminate) if limit is not None else None
        if ending:
            ending.start()
        with PeakMemory([process.pid]) as memory:
            # The kernel's own account of this one child; getrusage would give that of all children so far.
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if ending:
            ending.cancel()
    lines = (folder / "log.txt").read_text(errors="replace").strip().splitlines()
    cpu = usage.ru_utime + usage.ru_stime
    out_text = (folder / "out.txt").read_text()
    return Ended(seconds, cpu, memory.peak_mb, out_text, process.returncode, lines[-1] if lines else "")
