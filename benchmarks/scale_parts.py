"""Parts of benchmarks/scale.py: repeated data, a Flink cluster, memory of process trees, the slope of growth."""

import math
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

FLIGHTS = Path("data/flights")
FLINK = Path("deploy/flink")


def repeat_flights(folder: Path, times: int) -> int:
    """Writes the spans with every row `times` over, each copy with ids of its own; returns the number of rows."""
    spans = sorted(FLIGHTS.glob("span-*.csv"))
    if not spans:
        sys.exit(f"benchmarks/scale: {FLIGHTS} holds no spans; run `make data` first")
    folder.mkdir(parents=True)
    rows = 0
    for span in spans:
        header, *body = span.read_bytes().splitlines(keepends=True)
        if not header.startswith(b"row_id,"):
            sys.exit(f"benchmarks/scale: {span} does not begin with row_id; run `make data` again")
        with (folder / span.name).open("wb") as file:
            file.write(header)
            for copy in range(times):
                prefix = b"%d-" % copy if copy else b""
                file.writelines(prefix + row for row in body)
        rows += times * len(body)
    return rows


@contextmanager
def flink_cluster(state: Path, taskmanagers: int) -> Iterator[tuple[str, list[int]]]:
    """A session cluster of its own with one slot in each TaskManager; yields its address and its processes' ids."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    chosen = {"FLINK_STATE": state, "FLINK_PORT": port, "FLINK_TASKMANAGERS": taskmanagers, "FLINK_SLOTS": 1}
    environment = {**os.environ, **{name: str(value) for name, value in chosen.items()}}
    up = subprocess.run(["bash", FLINK / "up.sh"], env=environment, stdout=subprocess.PIPE, text=True)
    if up.returncode:
        sys.exit("benchmarks/scale: no Flink, see above")
    try:
        yield up.stdout.strip(), [int(file.read_text()) for file in state.glob("*.pid")]
    finally:
        subprocess.run(["bash", FLINK / "down.sh"], env=environment, check=False)


def cpu_seconds(processes: Sequence[int]) -> float:
    """User and system time of running processes so far, without their children; Linux only."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class PeakMemory:
    """Watches the resident memory of processes and all their descendants, a few times a second; Linux only."""

    def __init__(self, roots: Sequence[int]) -> None:
        self._roots = set(roots)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_mb = 0.0

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.25):
            self.peak_mb = max(self.peak_mb, self._now_mb())

    def _now_mb(self) -> float:
        parent, resident = {}, {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue  # ended meanwhile
                parent[int(folder.name)], resident[int(folder.name)] = int(fields[1]), int(fields[21])
        total = 0
        for process, pages in resident.items():
            ancestor = process
            while ancestor and ancestor not in self._roots:
                ancestor = parent.get(ancestor, 0)
            total += pages if ancestor else 0
        return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def exponent(rows: Sequence[int], seconds: Sequence[float]) -> float | None:
    """Slope of log seconds on log rows by least squares; None for fewer than two sizes."""
    if len(rows) < 2:
        return None
    x, y = [math.log(value) for value in rows], [math.log(max(value, 1e-3)) for value in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
    return round(slope, 3)
