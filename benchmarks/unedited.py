"""`plumbline init` and `plumbline run` on public tables, with the label as the only option.

    python -m benchmarks.unedited [--only NAME,..] [--limit S] [--json FILE] [--markdown FILE]

The tables (run_unedited_source.py) ship inside a PyPI package and are taken as they are, as CSV: texts, dates, times,
lists, thousands of categories, 48 classes, 1,503 columns, 1,000,000 rows. No line of pipeline.toml is changed. One
table after the other, each command as a process of its own, ended after `--limit` seconds.

The metric that the pipeline decides by is given of the model and of the best of its own baselines that know nothing but
the label (majority class, mean), both on the eval rows. `said` is why a model was not pushed, or why a command failed.

Prints one JSON object as the last line: `tables` (each: name, source, label, about, rows, columns, kinds [kind ->
columns], task, classes, init and run [exit_code, seconds, cpu_seconds, peak_mb], metric [name, model, dummy], blessed,
pushed, said, leaks, misfits, anomalies, warnings), `worked` (init and run ended with 0) and `of`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.finished_run import command_line
from benchmarks.measured import attempt
from benchmarks.results import keep
from benchmarks.venvs import environment, venv_python
from components.shared.errors import PlumblineError, UsageError
from pipeline.process.environment import configure_environment

HERE = Path(__file__).parent
METRICS = {"binary": "auc", "multiclass": "accuracy", "regression": "rmse"}
"""Task -> what is shown of the metrics."""


def main() -> int:
    """Tries table after table; prints; returns 1 if a command failed on one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="tables, separated by commas (default: all)")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds that a command may take (default: 600)")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too, after every table")
    parser.add_argument("--markdown", type=Path, help="write the rows for docs/own-data.md to this file")
    options = parser.parse_args()
    configure_environment()
    try:
        python = venv_python("tables", HERE / "tables_requirements.txt", options=["--no-deps"])
        catalog = {one["name"]: one for one in json.loads(_asked(python, "--list"))}
        names = options.only.split(",") if options.only else list(catalog)
        if unknown := sorted(set(names) - set(catalog)):
            raise UsageError(f"{unknown[0]} is no table; legal: {', '.join(catalog)}")
        done: list[dict[str, Any]] = []
        for name in names:
            with tempfile.TemporaryDirectory(prefix="plumbline-unedited-") as folder:
                _asked(python, name, folder)
                done.append(dict(catalog[name]) | tried(name, catalog[name]["label"], Path(folder), options.limit))
            print(line(done[-1]), file=sys.stderr, flush=True)
            keep(result(done), options.json)
    except PlumblineError as error:
        print(f"benchmarks/unedited: {error}", file=sys.stderr)
        return error.exit_code
    if options.markdown:
        options.markdown.write_text("\n".join(map(line, done)) + "\n", encoding="utf-8")
    found = result(done)
    print(json.dumps(found))
    return 0 if found["worked"] == found["of"] else 1


def tried(name: str, label: str, folder: Path, limit: float) -> dict[str, Any]:
    """What becomes of folder/data, a folder of CSV files, on the unedited way; see the head of this file."""
    init = attempt(command_line("init", "--data", "data", "--label", label, "--name", name), folder, limit=limit)
    found: dict[str, Any] = {"init": init.to_json()}
    if init.exit_code != 0:
        return found | {"said": init.said}
    told = json.loads(init.stdout)
    found |= {"rows": told["rows"], "columns": len(told["columns"]) - 1, "task": told["label"]["task"]}
    found["kinds"] = dict(Counter(_kind(column) for column in told["columns"] if column["kind"] != "label"))
    found |= {"leaks": [leak["column"] for leak in told["leaks"]], "misfits": told["misfits"]}
    run = attempt(command_line("run", "--dataset", name, "--root", "runs"), folder, limit=limit)
    found["run"] = run.to_json()
    if run.exit_code != 0:
        return found | {"said": run.said}
    summary = json.loads(run.stdout)
    metric = METRICS[found["task"]]
    return found | {
        "metric": {
            "name": metric,
            "model": summary["metrics"].get(metric),
            "dummy": summary["baselines"].get("prior", {}).get(metric),
        },
        "blessed": summary["blessed"],
        "pushed": summary["pushed"],
        "said": "; ".join(summary["violation_texts"]),
        "anomalies": summary["anomalies"],
        "warnings": summary["warnings"],
    }


def _kind(column: Mapping[str, Any]) -> str:
    if column["feature"] or column["kind"] in ("id", "constant"):
        return str(column["kind"])
    return "left out"


def result(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is printed."""
    worked = sum(one.get("run", {}).get("exit_code") == 0 for one in tables)
    return {"tables": list(tables), "worked": worked, "of": len(tables)}


def line(table: Mapping[str, Any]) -> str:
    """A table's row in docs/own-data.md."""
    size = f"{table['rows']:,} x {table['columns']:,}" if "rows" in table else "not read"
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(table.get("kinds", {}).items()))
    steps = [table[step] for step in ("init", "run") if step in table]
    codes = ", ".join(str(step["exit_code"]) for step in steps)
    spent = " / ".join(f"{sum(step[key] for step in steps):.0f}" for key in ("seconds", "cpu_seconds"))
    figures = ""
    if metric := table.get("metric"):
        model, dummy = (f"{metric[who]:.4g}" if metric[who] is not None else "none" for who in ("model", "dummy"))
        figures = f"{metric['name']} {model}, dummy {dummy}"
    verdict = f"version {table['pushed']}" if table.get("pushed") else f"not pushed: {table['said']}"
    label = f"{table['source']}: {table['label']} ({table['about']})"
    return f"| {label} | {size} | {kinds} | {codes} | {figures} | {verdict} | {spent} |"


def _asked(python: Path, *arguments: str) -> str:
    """What run_unedited_source.py prints; UsageError with its last line if it fails."""
    command = [str(python), str(HERE / "run_unedited_source.py"), *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise UsageError(f"run_unedited_source.py {' '.join(arguments[:1])} failed: {said[0]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
