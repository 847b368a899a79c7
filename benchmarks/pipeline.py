"""Stock TFX and Plumbline on all labelled flights in one CSV: time by step, CPU time, memory.

    python -m benchmarks.pipeline [--rounds 2] [--rows N] [--module-file] [--json FILE]

`stock` is pipeline_stock.py; `ours` is `plumbline init` and `plumbline run`, nothing edited. Both read the same CSV of
the 23 features of schemas/flights and the label `late`, in fresh processes and folders, in turn, the first to run
changing from round to round; imports are part of both. After a cold run of ours, in the same folder: `cached`, the same
command once more; `model_changed`, from a copy of the checkout in which one line of the trainer's code differs; and, to
compare with, `python -c pass` and `import tensorflow`.

Prints one JSON object: `rows`, `columns`, `rounds`; for `stock`, `ours`, `cached`, `model_changed`, `python` and
`import_tensorflow` lists with `seconds`, `cpu_seconds`, `peak_mb` of each round (children included) and, of the first
four, medians of the seconds of each step; `ratio_wall`, `ratio_cpu` and `ratio_memory`, medians of ours to stock in the
same round; `executed`, what ran again in `cached` and `model_changed`; `metrics` of ours.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.finished_run import initialise, run
from benchmarks.measured import CHECKOUT, Measured, measure
from benchmarks.results import print_result
from components.shared.errors import PlumblineError

SETTINGS = CHECKOUT / "schemas" / "flights" / "pipeline.toml"
FLIGHTS = CHECKOUT / "data" / "flights"
TRAINER = Path("components") / "trainer" / "training.py"
PACKAGES = ("components", "pipeline", "data", "schemas")
STEPPED = ("stock", "ours", "cached", "model_changed")

Round = dict[str, tuple[Measured, dict[str, Any]]]
"""What was run -> what it took, and what it printed."""


def main() -> int:
    """Runs the rounds, prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", type=int, help="evenly spaced over the year, for a trial (default: all)")
    parser.add_argument("--module-file", action="store_true", help="see pipeline_stock.py")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="plumbline-pipeline-") as folder:
            rows, columns = write_flights(Path(folder) / "data" / "flights.csv", options.rows)
            rounds = []
            for number in range(options.rounds):
                place = Path(folder) / f"round-{number}"
                rounds.append(_round(place, Path(folder) / "data", rows, number, options.module_file))
                shutil.rmtree(place)
    except PlumblineError as error:
        print(f"benchmarks/pipeline: {error}", file=sys.stderr)
        return error.exit_code
    result = {"rows": rows, "columns": columns, "rounds": options.rounds} | summed_up(rounds)
    print_result(result, options.json)
    return 0


def write_flights(target: Path, most: int | None = None) -> tuple[int, int]:
    """One CSV of the year's labelled flights, features and label; returns its numbers of rows and columns."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    from pipeline.settings.config import load_config

    spans = sorted(FLIGHTS.glob("span-*.csv"))
    if not spans:
        sys.exit("benchmarks/pipeline: data/flights holds no spans; run `make data` first")
    config = load_config(SETTINGS)
    columns = [*config.features.names, config.dataset.label]
    table = pa.concat_tables([pa_csv.read_csv(span).select(columns) for span in spans], promote_options="permissive")
    if most is not None and most < table.num_rows:
        table = table.take(np.linspace(0, table.num_rows - 1, most).astype(int))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write((",".join(columns) + "\n").encode())  # CsvExampleGen takes quotes for a part of a column's name
        pa_csv.write_csv(table, file, pa_csv.WriteOptions(include_header=False, quoting_style="none"))
    return table.num_rows, table.num_columns


def _round(folder: Path, data: Path, rows: int, number: int, module_file: bool) -> Round:
    found: Round = {}
    for name in ("stock", "ours") if number % 2 == 0 else ("ours", "stock"):
        (folder / name).mkdir(parents=True)
        found[name] = _stock(folder / name, data, rows, module_file) if name == "stock" else _ours(folder / name, data)
        _tell(number, name, found[name])
    found["cached"] = _run(folder / "ours")
    found["model_changed"] = _run(folder / "ours", _with_another_trainer(folder / "tree"))
    found["python"] = measure([sys.executable, "-c", "pass"], folder), {}
    found["import_tensorflow"] = measure([sys.executable, "-c", "import tensorflow"], folder), {}
    for name in ("cached", "model_changed", "python", "import_tensorflow"):
        _tell(number, name, found[name])
    return found


def _stock(folder: Path, data: Path, rows: int, module_file: bool) -> tuple[Measured, dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.pipeline_stock", str(data), str(folder / "root")]
    command += ["--eval-steps", str(-(-rows // 3 // 1024)), *(["--module-file"] if module_file else [])]
    found = measure(command, folder)
    return found, json.loads(found.stdout.splitlines()[-1])


def _ours(folder: Path, data: Path) -> tuple[Measured, dict[str, Any]]:
    """`plumbline init` and `plumbline run`: seconds add up, memory is the larger."""
    first = initialise(folder, str(data / "flights.csv"), "late")
    second, told = _run(folder)
    both = Measured(
        first.seconds + second.seconds,
        first.cpu_seconds + second.cpu_seconds,
        max(first.peak_mb, second.peak_mb),
        second.stdout,
    )
    return both, told | {"steps": {"init": round(first.seconds, 2), **told["steps"]}}


def _run(folder: Path, tree: Path | None = None) -> tuple[Measured, dict[str, Any]]:
    _, took, summary = run(folder, "flights", tree)
    components = summary["components"]
    return took, {
        "steps": {one["id"]: one["seconds"] for one in components},
        "executed": [one["id"] for one in components if one["state"] == "executed"],
        "metrics": summary["metrics"],
        "pushed": summary["pushed"],
    }


def _with_another_trainer(tree: Path) -> Path:
    """Copies the packages and adds a comment to the module of the Trainer's run_fn."""
    for package in PACKAGES:
        shutil.copytree(CHECKOUT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__", "*.csv"))
    with (tree / TRAINER).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    return tree


def summed_up(rounds: Sequence[Round]) -> dict[str, Any]:
    """Figures of all rounds, medians of the steps, and ratios of ours to stock."""
    result: dict[str, Any] = {}
    for name in rounds[0]:
        took = [one[name][0].to_json() for one in rounds]
        result[name] = {key: [one[key] for one in took] for key in took[0]}
        if name in STEPPED:
            result[name]["steps"] = _medians([one[name][1]["steps"] for one in rounds])
    for key, field in {"ratio_wall": "seconds", "ratio_cpu": "cpu_seconds", "ratio_memory": "peak_mb"}.items():
        pairs = zip(result["ours"][field], result["stock"][field], strict=True)
        result[key] = round(statistics.median(ours / stock for ours, stock in pairs), 3)
    result["executed"] = {name: rounds[-1][name][1]["executed"] for name in ("cached", "model_changed")}
    result["metrics"] = rounds[-1]["ours"][1]["metrics"]
    return result


def _medians(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(one[name] for one in steps), 2) for name in steps[0]}


def _tell(number: int, name: str, found: tuple[Measured, dict[str, Any]]) -> None:
    print(f"round {number + 1} {name}: {found[0].to_json()}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
