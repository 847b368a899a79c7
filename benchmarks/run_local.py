"""Wall time and peak memory of `plumbline run --dataset flights`, cold and repeated.

    python -m benchmarks.run_local [--rounds 3] [--json FILE]

Each round runs the pipeline in an empty folder and then again in the same one, as processes of their own. Prints one
JSON object: `cold` and `cached`, each {seconds and peak_mb (of each round), median_seconds, median_peak_mb}.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import print_result


def main() -> None:
    """Runs the rounds and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {"cold": [], "cached": []}
    peaks: dict[str, list[float]] = {"cold": [], "cached": []}
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as root:
            for name in seconds:
                took, peak = _measure(root)
                seconds[name].append(round(took, 1))
                peaks[name].append(round(peak))
                print(f"round {number + 1} {name}: {took:.1f} s, {peak:.0f} MB", file=sys.stderr)
    result = {
        name: {
            "seconds": seconds[name],
            "median_seconds": statistics.median(seconds[name]),
            "peak_mb": peaks[name],
            "median_peak_mb": statistics.median(peaks[name]),
        }
        for name in seconds
    }
    print_result(result, options.json)


def _measure(root: str) -> tuple[float, float]:
    """Seconds and peak resident MB of one run."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "run", "--dataset", "flights", "--root", root],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # The kernel's own account of this one child; getrusage would give the largest of all children so far.
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit("benchmarks/run_local: the run failed; `plumbline run --dataset flights` says why")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
