"""What the benchmark of scale reckons with: growth, larger data, memory of a family of processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import scale_parts
from benchmarks.scale_parts import PeakMemory, exponent, repeat_flights


def test_exponent() -> None:
    assert exponent([10, 100, 1000], [2.0, 20.0, 200.0]) == 1.0
    assert exponent([10, 1000], [3.0, 30.0]) == 0.5
    assert exponent([10, 100], [4.0, 4.0]) == 0.0
    assert exponent([10], [4.0]) is None


def test_copies_have_ids_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flights = tmp_path / "flights"
    flights.mkdir()
    (flights / "span-01.csv").write_text("row_id,late\na,1\nb,0\n")
    monkeypatch.setattr(scale_parts, "FLIGHTS", flights)
    assert repeat_flights(tmp_path / "three", 3) == 6
    lines = (tmp_path / "three" / "span-01.csv").read_text().splitlines()
    assert lines == ["row_id,late", "a,1", "b,0", "1-a,1", "1-b,0", "2-a,1", "2-b,0"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_children_counts() -> None:
    hold = "import time; held = b'x' * (200 << 20); time.sleep(2)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent])
    with PeakMemory([process.pid]) as memory:
        process.wait()
    assert 200 < memory.peak_mb < 400
