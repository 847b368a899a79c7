"""Time and memory of an uncached `plumbline run` on a table of 3,000 rows, including imports.

    python -m benchmarks.small_table [--rounds 3] [--rows 3000] [--json FILE]

Each round drafts a project with `plumbline init` and runs it with --profile. Prints one JSON object: the median `wall`
and `cpu` seconds and `peak_mb`, those of every round, the CPU seconds by `phase` (see pipeline/runners/profiling) and
by `step`, both of the round with the median CPU, and the model's `metrics`.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.measured import Measured, measure
from benchmarks.results import print_result
from benchmarks.small_table_data import ROWS, write_project


def main() -> None:
    """Runs the rounds and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    rounds = []
    for number in range(options.rounds):
        measured, profile, metrics = _round(options.rows)
        rounds.append((measured, profile, metrics))
        print(f"round {number + 1}: {measured.seconds:.1f} s, {measured.cpu_seconds:.1f} s of CPU", file=sys.stderr)
    rounds.sort(key=lambda one: one[0].cpu_seconds)
    _, profile, metrics = rounds[len(rounds) // 2]
    result: dict[str, Any] = {"rows": options.rows, "metrics": metrics}
    for kind, field in (("wall", "seconds"), ("cpu", "cpu_seconds"), ("peak_mb", "peak_mb")):
        found = [round(getattr(measured, field), 2) for measured, _, _ in rounds]
        result[kind] = {"median": statistics.median(found), "rounds": found}
    result |= {"phase": _phases(profile), "step": _steps(profile)}
    print_result(result, options.json)


def _round(rows: int) -> tuple[Measured, dict[str, Any], dict[str, Any]]:
    """One cold run: what it took, its profile, its metrics."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        write_project(folder, rows)
        measured = measure([sys.executable, "-m", "pipeline.cli", "run", "--dataset", "small", "--profile"], folder)
        (reports,) = (folder / "runs" / "small" / "reports").iterdir()
        profile, summary = (json.loads((reports / name).read_text()) for name in ("profile.json", "summary.json"))
        return measured, profile, summary["metrics"]


def _phases(profile: dict[str, Any]) -> dict[str, float]:
    """Phase -> CPU seconds of all sections."""
    total: Counter[str] = Counter({"before": profile["before"]["cpu"]})
    for section in profile["sections"]:
        total.update({name: cost["cpu"] for name, cost in section["phases"].items()})
    return {name: round(seconds, 2) for name, seconds in total.items()}


def _steps(profile: dict[str, Any]) -> dict[str, float]:
    """Section -> CPU seconds; sections of one name are added."""
    total: Counter[str] = Counter()
    for section in profile["sections"]:
        total[section["name"]] += section["cpu"]
    return {name: round(seconds, 2) for name, seconds in total.items()}


if __name__ == "__main__":
    main()
