"""Time and accuracy of `?explain=K`: Shapley values of predictions, see docs/explanations.md.

    python -m benchmarks.explanations [--run FOLDER] [--rows 50] [--json FILE]

`--run` is the folder of a dataset's finished runs, such as runs/flights; without it, `plumbline run --dataset flights`
makes one in a temporary folder. Rows of its eval split are explained by the newest model, one at a time, with one
thread in TensorFlow, and once in a request of as many rows as are allowed.

Prints one JSON object:
    model                       folder of the SavedModel
    inputs, background, load    columns, background rows, the machine's load average at the start
    default                     most model rows per explanation by default
    settings                    most model rows per explanation -> the figures below
        permutations            for each background row
        ms, cpu_ms              wall time {median, p99} and CPU time (mean) of one explained row, in milliseconds
        standard_error          of the first named feature's contribution, as answered, which covers the choice of
                                background rows and of permutations; median over rows, in the unit of the contributions
        permutation_error       of the permutations alone: root mean square difference of the TOP contributions from
                                those of REFERENCE model rows with another seed; median over rows
        same_top                share of the TOP features that are the reference's, too; mean over rows
        not_additive            largest |base + contributions - output| / max(1, |output|)
    largest                     median absolute contribution of the first named feature
    request                     {rows, seconds} of the largest request with default settings
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.finished_run import FinishedRun
from benchmarks.inference import Served, trained
from benchmarks.measured import CHECKOUT
from benchmarks.results import print_result
from components.shared.errors import PlumblineError

SETTINGS = (2048, 8192)
REFERENCE = 65536
TOP = 5

Explanations = list[dict[str, Any]]


def main() -> int:
    """Explains, prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="plumbline-explanations-") as temporary:
            finished = FinishedRun(options.run) if options.run else trained(Path(temporary))
            result = _measured(finished, options.rows)
    except PlumblineError as error:
        print(f"benchmarks/explanations: {error}", file=sys.stderr)
        return error.exit_code
    print_result(result, options.json)
    return 0


def _measured(finished: FinishedRun, rows: int) -> dict[str, Any]:
    from pipeline.process.environment import configure_environment

    configure_environment()
    from pipeline.settings.config import load_config
    from serving.explanations import EVALUATIONS, MAX_ROWS, Explainer
    from serving.models.loaded_model import LoadedModel, configure_threads

    configure_threads(1)
    load = os.getloadavg()[0]
    config = load_config(CHECKOUT / "schemas" / "flights" / "pipeline.toml")
    columns = Served(finished.model, finished.examples("eval"), list(config.features.names)).columns
    model = LoadedModel(finished.model, "flights", 1)
    spread = np.arange(max(rows, MAX_ROWS)) * len(next(iter(columns.values()))) // max(rows, MAX_ROWS)
    inputs = {name: column[spread] for name, column in columns.items()}
    single = [{name: column[at : at + 1] for name, column in inputs.items()} for at in range(rows)]
    reference = [Explainer(model, REFERENCE, seed=1).explain(row, len(inputs))[0] for row in single]
    explainer = Explainer(model)
    found = {str(number): _figures(Explainer(model, number), single, reference) for number in SETTINGS}
    began = time.perf_counter()
    explainer.explain({name: column[:MAX_ROWS] for name, column in inputs.items()}, TOP)
    return {
        "model": str(finished.model),
        "load": load,
        "inputs": len(inputs),
        "background": len(next(iter(explainer.background.values()))),
        "default": EVALUATIONS,
        "settings": found,
        "largest": round(float(np.median([abs(one["contributions"][0]["contribution"]) for one in reference])), 4),
        "request": {"rows": MAX_ROWS, "seconds": round(time.perf_counter() - began, 3)},
    }


def _figures(explainer: Any, rows: list[dict[str, np.ndarray]], reference: Explanations) -> dict[str, Any]:
    """The figures of one setting."""
    explainer.explain(rows[0], TOP)  # the graph is built
    every, wall = [], []
    cpu = time.process_time()
    for row in rows:
        began = time.perf_counter()
        every += explainer.explain(row, len(row))
        wall.append(1000 * (time.perf_counter() - began))
    cpu = time.process_time() - cpu
    return {
        "permutations": explainer.permutations,
        "ms": {"median": round(float(np.median(wall)), 2), "p99": round(float(np.quantile(wall, 0.99)), 2)},
        "cpu_ms": round(1000 * cpu / len(rows), 2),
        "standard_error": round(float(np.median([one["contributions"][0]["standard_error"] for one in every])), 4),
        "permutation_error": round(float(np.median([_error(*two) for two in zip(every, reference, strict=True)])), 4),
        "same_top": round(float(np.mean([_same(*two) for two in zip(every, reference, strict=True)])), 3),
        "not_additive": max(map(_not_additive, every)),
    }


def _values(explanation: dict[str, Any]) -> dict[str, float]:
    return {part["feature"]: part["contribution"] for part in explanation["contributions"]}


def _error(found: dict[str, Any], reference: dict[str, Any]) -> float:
    """Root mean square difference of the named features' contributions."""
    left, right = _values(found), _values(reference)
    return float(np.sqrt(np.mean([(left[name] - right[name]) ** 2 for name in list(right)[:TOP]])))


def _same(found: dict[str, Any], reference: dict[str, Any]) -> float:
    return len({*list(_values(found))[:TOP]} & {*list(_values(reference))[:TOP]}) / TOP


def _not_additive(found: dict[str, Any]) -> float:
    total = found["base_value"] + sum(_values(found).values()) + found["other_features"]
    return abs(total - found["output"]) / max(1, abs(found["output"]))


if __name__ == "__main__":
    sys.exit(main())
