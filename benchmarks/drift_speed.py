"""Wall time and peak memory of comparing two wide files: Plumbline and Evidently's DataDriftPreset with defaults.

    python -m benchmarks.drift_speed [--rows 500000] [--columns 300] [--rounds 3] [--stop-at TIMES] [--json FILE]

Both read the same two Parquet files (drift_data.py), as processes of their own and by turns, so that a busy minute
of the machine hits both. Imports count. Prints one JSON object: `ours` and `evidently`, each {seconds and peak_mb (of
each round), median_seconds, median_peak_mb, found}, and `ratio`, Evidently's median time over ours. With `--stop-at 15`
Evidently is ended once it has taken 15 times as long as ours did in that round: `stopped` counts such rounds, and the
ratio is then a lower bound.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.drift_data import write_pair
from benchmarks.evidently_venv import environment, evidently_python
from benchmarks.results import print_result

_SIDES = Path(__file__).with_name("drift_sides.py")


def main() -> None:
    """Makes the data, runs the rounds and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--columns", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stop-at", type=float, metavar="TIMES", help="end Evidently after so many times our seconds")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    commands = {
        "ours": ([sys.executable, "-m", "benchmarks.drift_sides", "ours"], dict(os.environ)),
        "evidently": ([str(evidently_python()), str(_SIDES), "evidently"], environment()),
    }
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    found: dict[str, dict[str, int]] = {}
    stopped = 0
    with tempfile.TemporaryDirectory() as folder:
        files = [str(path) for path in write_pair(Path(folder), options.rows, options.columns)]
        for number in range(options.rounds):
            for name, (command, variables) in commands.items():
                limit = options.stop_at * rounds["ours"][-1][0] if options.stop_at and name == "evidently" else None
                took, peak, answer = _measure([*command, *files], variables, limit)
                rounds[name].append((took, peak))
                found[name] = answer or {}
                stopped += answer is None
                print(f"round {number + 1} {name}: {took:.1f} s, {peak:.0f} MB, {found[name]}", file=sys.stderr)
    result: dict[str, object] = {
        name: {
            "seconds": [round(took, 2) for took, _ in measured],
            "median_seconds": round(statistics.median(took for took, _ in measured), 2),
            "peak_mb": [round(peak) for _, peak in measured],
            "median_peak_mb": round(statistics.median(peak for _, peak in measured)),
            "found": found[name],
        }
        for name, measured in rounds.items()
    }
    medians = {name: statistics.median(took for took, _ in measured) for name, measured in rounds.items()}
    result["ratio"] = round(medians["evidently"] / medians["ours"], 1)
    result |= {
        "stopped": stopped,
        "rows": options.rows,
        "columns": options.columns,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    print_result(result, options.json)


def _measure(
    command: list[str], variables: dict[str, str], limit: float | None
) -> tuple[float, float, dict[str, int] | None]:
    """Seconds, peak resident MB and the answer of one process; no answer where it was ended after `limit` seconds."""
    with tempfile.TemporaryFile("w+") as answer:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=answer, env=variables)
        ending = threading.Timer(limit, process.kill) if limit is not None else None
        if ending is not None:
            ending.start()
        # The kernel's own account of this one child; getrusage would give the largest of all children so far.
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        if ending is not None:
            ending.cancel()
        if limit is not None and took >= limit:
            return took, usage.ru_maxrss / 1024, None
        if os.waitstatus_to_exitcode(status) != 0:
            sys.exit(f"benchmarks/drift_speed: {' '.join(command)} failed; its message is above")
        answer.seek(0)
        return took, usage.ru_maxrss / 1024, json.loads(answer.read().splitlines()[-1])


if __name__ == "__main__":
    main()
