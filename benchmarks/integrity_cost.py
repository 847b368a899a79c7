"""Cost of recording and verifying artifacts, relative to the run that produced them.

    python -m benchmarks.integrity_cost runs/flights [--rounds 5] [--json FILE]

Takes the folder of a dataset's finished runs, which it only reads. Prints one JSON object: `files` and `mb` of all
artifacts; median wall and CPU seconds to `record` all of them (each file read and digested), to `check` them (sizes and
times, as before each use) and to `verify` them (each file read again, as with --verify); `run_cpu`, CPU seconds of the
newest run that executed its steps, of --run-cpu, or else the wall seconds of its summary; and the `share` of a run:
one record and, as each artifact is checked by about three steps, three checks.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.results import print_result
from components.shared.artifacts import integrity

CHECKS = 3


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="<root>/<dataset>")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--run-cpu", type=float, help="CPU seconds of the run that made the artifacts")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    summary = _newest(options.home)
    uris = sorted(str(path) for path in (options.home / "artifacts").resolve().glob("[!.]*/[!.]*/[0-9]*"))
    made = {uri: integrity.describe(uri) for uri in uris}
    steps: dict[str, Callable[[], object]] = {
        "record": lambda: [integrity.describe(uri) for uri in uris],
        "check": lambda: [integrity.check_artifact(uri, made[uri], digests=False) for uri in uris],
        "verify": lambda: [integrity.check_artifact(uri, made[uri], digests=True) for uri in uris],
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for _ in range(options.rounds):
        for name, step in steps.items():
            began, spent = time.perf_counter(), time.process_time()
            step()
            seconds[name].append((time.perf_counter() - began, time.process_time() - spent))
    taken = {
        name: {
            "wall": round(statistics.median(w for w, _ in each), 4),
            "cpu": round(statistics.median(c for _, c in each), 4),
        }
        for name, each in seconds.items()
    }
    run = options.run_cpu or summary["seconds"]
    cost = taken["record"]["cpu"] + CHECKS * taken["check"]["cpu"]
    files = [file for one in made.values() for file in one.files.values()]
    print_result(
        {
            "artifacts": len(uris),
            "files": len(files),
            "mb": round(sum(file.size for file in files) / 1e6, 1),
            **taken,
            "run_cpu": run,
            "share": round(cost / run, 5),
        },
        options.json,
    )


def _newest(home: Path) -> dict[str, float]:
    """The summary of the newest run that executed anything."""
    for path in sorted(home.glob("reports/*/summary.json"), reverse=True):
        found = json.loads(path.read_text(encoding="utf-8"))
        if any(component["state"] == "executed" for component in found["components"]):
            return dict(found)
    raise SystemExit(f"{home}: no finished run there")


if __name__ == "__main__":
    main()
