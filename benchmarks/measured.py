"""A command as a process of its own: wall and CPU seconds, peak of resident memory, children included; Linux only."""

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
    """A command that ended well.

    Attributes:
      seconds: By the clock.
      cpu_seconds: User and system time of the process and of all that it waited for.
      peak_mb: Largest resident memory of the process and its descendants together, read four times a second.
      stdout: What it printed.
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
    """A command that ended, well or not.

    Attributes:
      exit_code: What it returned; negative is the signal that ended it.
      said: The last line that it wrote on stderr; "" for none.
    """

    exit_code: int
    said: str

    def to_json(self) -> dict[str, float]:
        """Figures as printed."""
        return {"exit_code": self.exit_code, **super().to_json()}


def measure(
    command: Sequence[str], folder: Path, tree: Path = CHECKOUT, more: Mapping[str, str] | None = None
) -> Measured:
    """Runs it to its end.

    Args:
      command: Program and arguments.
      folder: Where it runs, and where its output is kept (out.txt, log.txt).
      tree: The checkout whose packages a Python process imports.
      more: Environment variables beside this process' own.

    Raises:
      UsageError: It ended with another exit code than 0; with the last line that it wrote on stderr.
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
