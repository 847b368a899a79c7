"""Growth of a run's cost with the number of columns and classes: seconds of every step, and exponents.

    python -m benchmarks.width [--columns 100,400,1500] [--classes 3,12,48] [--rows 8000] [--class-rows 35000]
                               [--until Pusher] [--rounds 1] [--json FILE]

Each measurement is a process of its own: a made-up table, settings as `plumbline init` drafts them, a cold run of the
DAG's nodes up to `--until`. Wide tables hold 0/1 integers and five floats with a binary label; tables of many classes
nine numbers. Imports are told apart from the steps. `plumbline init` has to be installed or on PYTHONPATH.

Prints one JSON object as its last line. `measured` has a row for each table: `columns`, `classes`, `rows`, `round`,
`import_cpu`, `init_cpu`, `peak_mb`, `total_cpu` (without imports), and by step `seconds` and `cpu_seconds`. `exponent`
is the slope of log CPU seconds on log columns, and on log classes, by step: 1 is linear, steps below 0.2 s left out.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import keep
from benchmarks.scale_parts import exponent

FLOATS = 5
MIN_SECONDS = 0.2


def main() -> None:
    """Measures table after table, and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", default="100,400,1500")
    parser.add_argument("--classes", default="3,12,48")
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--class-rows", type=int, default=35000)
    parser.add_argument("--until", default="Pusher", help="the last node to run")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too, after every measurement")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_steps(options.until)))
        return
    tables = [(int(columns), 2, options.rows) for columns in options.columns.split(",") if columns]
    tables += [(9, int(classes), options.class_rows) for classes in options.classes.split(",") if classes]
    measured: list[dict[str, Any]] = []
    for number in range(options.rounds):
        for columns, classes, rows in tables:
            about = {"columns": columns, "classes": classes, "rows": rows, "round": number + 1}
            measured.append({**about, **_measure(columns, classes, rows, options.until)})
            print(json.dumps(measured[-1]), file=sys.stderr, flush=True)
            keep(_result(measured), options.json)
    print(json.dumps(_result(measured)))


def table(columns: int, classes: int, rows: int, seed: int = 0) -> "dict[str, np.ndarray]":
    """Columns by name, the label as `y`."""
    draw = np.random.default_rng(seed)
    if classes == 2:
        ones = (draw.random((rows, columns)) < draw.uniform(0.02, 0.5, columns)).astype(np.int64)
        floats = np.round(draw.normal(size=(rows, FLOATS)), 4)
        score = ones[:, :20].sum(axis=1) - ones[:, 20:40].sum(axis=1) + 2 * floats[:, 0] + floats[:, 1]
        label = (draw.random(rows) < 1 / (1 + np.exp(-score / 2))).astype(np.int64)
        found = {f"b{at:04d}": ones[:, at] for at in range(columns)}
        return {**found, **{f"f{at}": floats[:, at] for at in range(FLOATS)}, "y": label}
    centers = 1.5 * draw.normal(size=(classes, columns))
    label = draw.choice(classes, rows, p=draw.dirichlet(np.full(classes, 3.0)))
    values = np.round(centers[label] + 1.6 * draw.normal(size=(rows, columns)), 3)
    return {**{f"x{at}": values[:, at] for at in range(columns)}, "y": np.char.add("class ", label.astype(str))}


def _measure(columns: int, classes: int, rows: int, until: str) -> dict[str, Any]:
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="plumbline-width-") as folder:
        pd.DataFrame(table(columns, classes, rows)).to_csv(f"{folder}/table.csv", index=False)
        here = str(Path(__file__).resolve().parents[1])
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
        before = _cpu()
        init = ["-m", "pipeline.cli", "init", "--data", "table.csv", "--label", "y", "--name", "width"]
        subprocess.run([sys.executable, *init], cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
        spent = _cpu() - before
        child = ["-m", "benchmarks.width", "--child", "--until", until]
        done = subprocess.run([sys.executable, *child], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"benchmarks/width: the run of {columns} columns and {classes} classes failed")
        return {"init_cpu": round(spent, 2), **json.loads(done.stdout.splitlines()[-1])}


def _steps(until: str) -> dict[str, Any]:
    """In a process of its own: the nodes of a cold run one after the other."""
    from pipeline.process.environment import configure_environment

    configure_environment()
    from pipeline.metadata.connection import connection_config
    from pipeline.preflight.data_check import check_data, source_of
    from pipeline.settings.beam_arguments import Endpoints
    from pipeline.settings.config import find_config, load_config

    config, home = load_config(find_config("width")), Path("runs").resolve()
    home.mkdir()
    source = source_of(config, config.data.directory)
    checked = check_data(source, None, home / "scans.json")
    before = _cpu()
    from pipeline.dag import Inputs, Paths, create_pipeline
    from pipeline.metadata.artifact_verification import Verifier
    from pipeline.runners.local.node_launcher import LocalNodes

    paths = Paths(str(config.schema_path), str(home / "artifacts"), str(home / "registry"))
    inputs = Inputs(checked.window.eval[0].span, checked.fingerprint, 0, "width")
    connection = connection_config(config.metadata, home / "metadata.sqlite")
    nodes = LocalNodes(
        lambda connection: create_pipeline(config, source, paths, inputs, connection, Endpoints()),
        connection,
        "width",
        Verifier(home),
    )
    imported = _cpu() - before
    steps: dict[str, dict[str, float]] = {}
    with contextlib.redirect_stdout(sys.stderr):
        for node in nodes.ids:
            began, spent = time.monotonic(), _cpu()
            nodes.launch(node)
            steps[node] = {"seconds": round(time.monotonic() - began, 2), "cpu_seconds": round(_cpu() - spent, 2)}
            if node == until:
                break
    return {
        "import_cpu": round(imported, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "total_cpu": round(sum(step["cpu_seconds"] for step in steps.values()), 2),
        "steps": steps,
    }


def _cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _result(measured: list[dict[str, Any]]) -> dict[str, Any]:
    wide = [row for row in measured if row["classes"] == 2]
    many = [row for row in measured if row["classes"] != 2]
    return {
        "measured": measured,
        "exponent": {"columns": _exponents(wide, "columns"), "classes": _exponents(many, "classes")},
    }


def _exponents(rows: list[dict[str, Any]], by: str) -> dict[str, float | None]:
    found = {}
    for step in rows[0]["steps"] if rows else ():
        seconds = [row["steps"][step]["cpu_seconds"] for row in rows if step in row["steps"]]
        if len(seconds) == len(rows) and max(seconds) >= MIN_SECONDS:
            found[step] = exponent([row[by] for row in rows], seconds)
    return found


if __name__ == "__main__":
    main()
