"""What a whole cold `plumbline run` takes on a table of 3,000 rows, imports included.

    python -m benchmarks.small_table [--rounds 3] [--rows 3000] [--json FILE]

Each round drafts a project with `plumbline init` and runs it with --profile. Prints one JSON object: the median `wall`
and `cpu` seconds and `peak_mb`, those of every round, the CPU seconds by `phase` (see pipeline/profiling) and by
`step`, both of the round with the median CPU, and the model's `metrics`.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.child import Took, took
from benchmarks.small_table_data import ROWS, write_project


def main() -> None:
    """Runs the rounds and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    # The children work in a folder of their own; the code is this one's.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
    rounds = []
    for number in range(options.rounds):
        measured, profile, metrics = _round(options.rows)
        rounds.append((measured, profile, metrics))
        print(f"round {number + 1}: {measured.wall:.1f} s, {measured.cpu:.1f} s of CPU", file=sys.stderr)
    rounds.sort(key=lambda one: one[0].cpu)
    _, profile, metrics = rounds[len(rounds) // 2]
    result: dict[str, Any] = {"rows": options.rows, "metrics": metrics}
    for kind in ("wall", "cpu", "peak_mb"):
        found = [round(getattr(measured, kind), 2) for measured, _, _ in rounds]
        result[kind] = {"median": statistics.median(found), "rounds": found}
    result |= {"phase": _phases(profile), "step": _steps(profile)}
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


def _round(rows: int) -> tuple[Took, dict[str, Any], dict[str, Any]]:
    """One cold run: what it took, its profile, its metrics."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        write_project(folder, rows)
        measured = took(["-m", "pipeline.cli", "run", "--dataset", "small", "--profile"], folder)
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
