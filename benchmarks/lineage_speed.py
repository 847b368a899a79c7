"""Duration of the run-history commands on a long history.

    python -m benchmarks.lineage_speed [--runs 1000] [--rounds 5] [--json FILE]

Makes a synthetic history (nine components a run, a version every tenth run), then asks each question in a process of
its own, as the command line does. Prints one JSON object: `runs`, and for each question the `seconds` of each round and
their `median` beyond the import of the modules, which is `import_median`. With TMPDIR=/dev/shm the making is faster.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.results import print_result
from benchmarks.synthetic_history import History

ASK = """
import sys, time
began = time.perf_counter()
from pathlib import Path
from components.registry.registry import Registry
from pipeline.run_history import compare_runs, downstream, garbage_collection, lineage, runs
import ml_metadata.metadata_store.metadata_store
imported = time.perf_counter()
home = Path(sys.argv[2])
registry = Registry(home / "registry")
store = lineage.open_store(home / "metadata.sqlite")
if sys.argv[1] == "runs":
    print(len(runs.to_text(runs.history(home, store))), file=sys.stderr)
elif sys.argv[1] == "compare":
    last, before = runs.history(home, limit=2)
    compare_runs.compare_runs(store, home, before.run_id, last.run_id)
elif sys.argv[1] == "downstream":
    downstream.downstream(store, str(len(registry.versions()) * 5), registry)
elif sys.argv[1] == "gc, dry":
    garbage_collection.plan(store, home, registry, 10)
else:
    version = registry.version_named("live") if sys.argv[1] == "lineage live" else 1
    lineage.model_lineage(store, version, registry.manifest(version)["run_id"], registry)
print(imported - began, time.perf_counter() - imported, "tensorflow" in sys.modules)
"""

QUESTIONS = ("runs", "lineage live", "lineage 1", "downstream", "compare", "gc, dry")


def main() -> None:
    """Makes the history, asks and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    result: dict[str, object] = {"runs": options.runs}
    with tempfile.TemporaryDirectory() as root:
        home = Path(root) / "flights"
        make(home, options.runs)
        for question in QUESTIONS:
            imports, seconds = zip(*(_ask(question, home) for _ in range(options.rounds)), strict=True)
            result[question] = {
                "seconds": [round(one, 3) for one in seconds],
                "median": round(statistics.median(seconds), 3),
                "import_median": round(statistics.median(imports), 3),
            }
            print(question, result[question], file=sys.stderr)
    print_result(result, options.json)


def make(home: Path, runs: int) -> None:
    """A history of so many runs, each a span further."""
    history = History(home)
    for number in range(runs):
        history.add(train=range(number + 1, number + 4), evaluation=number + 4, push=number % 10 == 0)
        if number % 100 == 99:
            print(f"{number + 1} runs made", file=sys.stderr)


def _ask(question: str, home: Path) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", ASK, question, str(home)], capture_output=True, text=True, check=True)
    imported, took, tensorflow = done.stdout.split()
    if tensorflow == "True":
        sys.exit(f"benchmarks/lineage_speed: {question} imported TensorFlow")
    return float(imported), float(took)


if __name__ == "__main__":
    main()
