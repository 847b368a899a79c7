"""Time of a fully cached `plumbline run`, compared with Python's start and `import tensorflow`.

    python -m benchmarks.cached_run [--rounds 5] [--json FILE]

Drafts a project for a table of 3,000 rows, runs it once, then takes interleaved rounds of `python -c pass`, `python -c
"import tensorflow"` and `plumbline run`, of which everything is cached. Prints one JSON object: of each the median
`wall` and `cpu` seconds and those of every round; `beyond_python` is the cached run less Python's own start, and
`of_import_tensorflow` its share of that import; both of medians.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.measured import measure
from benchmarks.results import print_result
from benchmarks.small_table_data import write_project

COMMANDS = {
    "python": ["-c", "pass"],
    "import_tensorflow": ["-c", "import tensorflow"],
    "cached_run": ["-m", "pipeline.cli", "run", "--dataset", "small"],
}


def main() -> None:
    """Runs the rounds and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    seconds: dict[str, dict[str, list[float]]] = {name: {"wall": [], "cpu": []} for name in COMMANDS}
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        write_project(folder)
        cold = measure([sys.executable, *COMMANDS["cached_run"]], folder)
        print(f"the first run: {cold.seconds:.1f} s, {cold.cpu_seconds:.1f} s of CPU", file=sys.stderr)
        for number in range(options.rounds):
            for name, command in COMMANDS.items():
                measured = measure([sys.executable, *command], folder)
                seconds[name]["wall"].append(round(measured.seconds, 3))
                seconds[name]["cpu"].append(round(measured.cpu_seconds, 3))
                print(f"round {number + 1} {name}: {measured.to_json()}", file=sys.stderr)
            states = [component["state"] for component in _newest(folder)["components"]]
            if set(states) != {"cached"}:
                sys.exit(f"not everything was cached: {', '.join(states)}")
    print_result(_result(seconds), options.json)


def _newest(folder: Path) -> dict[str, list[dict[str, str]]]:
    """The summary of the newest run."""
    found: dict[str, list[dict[str, str]]] = json.loads(
        max((folder / "runs" / "small" / "reports").glob("*/summary.json")).read_text()
    )
    return found


def _result(seconds: dict[str, dict[str, list[float]]]) -> dict[str, object]:
    medians = {
        name: {kind: statistics.median(found) for kind, found in rounds.items()} for name, rounds in seconds.items()
    }
    cached, python, tensorflow = (medians[name] for name in ("cached_run", "python", "import_tensorflow"))
    return {
        **{name: {**medians[name], "rounds": seconds[name]} for name in COMMANDS},
        "beyond_python": {kind: round(cached[kind] - python[kind], 3) for kind in cached},
        "of_import_tensorflow": {kind: round(cached[kind] / tensorflow[kind], 3) for kind in cached},
    }


if __name__ == "__main__":
    main()
