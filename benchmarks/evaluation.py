"""Cost of Predictor, Evaluator and ErrorAnalysis by number of rows, classes and columns, with a fast linear model.

    python -m benchmarks.evaluation [--rows 5000,20000,80000] [--classes 2,10,50] [--columns 10,100,1000] [--json FILE]

One of the three is varied while the others stay at BASE. The tables are synthetic: labels follow a linear model of the
columns, of which one in ten is a category; a tenth of the train rows more than eval. The model is that linear model in
a SavedModel with the signatures of serving_contract.py. So what is measured is reading, metrics, bootstraps,
the linear baseline, the search for weak slices and permutation importance, and not how fast some trees are.

Imports and the making of the tables do not count. Each size is measured in a process of its own.

Prints one JSON object. `measured` has a row for each size: `rows`, `classes`, `columns`, and for each step and the
`total` its wall `seconds` and `cpu_seconds`; `peak_mb` is the resident memory of the process. `exponents` are slopes of
log cpu_seconds of the total on the log of what was varied: 1 is linear.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import print_result
from benchmarks.scale_parts import exponent

BASE = {"rows": 8000, "classes": 2, "columns": 20}
VARIED = {"rows": (5_000, 20_000, 80_000), "classes": (2, 10, 50), "columns": (10, 100, 1000)}
STEPS = ("predictor", "evaluator", "error_analysis")


def main() -> None:
    """Measures size after size, and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, sizes in VARIED.items():
        parser.add_argument(f"--{name}", default=",".join(map(str, sizes)), help="empty leaves it out")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_measure(**json.loads(options.child))))
        return
    measured: list[dict[str, Any]] = []
    for name in VARIED:
        for size in filter(None, getattr(options, name).split(",")):
            measured.append({"varied": name, **_in_a_process({**BASE, name: int(size)})})
            print(json.dumps(measured[-1]), file=sys.stderr, flush=True)
    print_result({"base": BASE, "measured": measured, "exponents": _exponents(measured)}, options.json)


def _exponents(measured: list[dict[str, Any]]) -> dict[str, float]:
    found = {}
    for name in VARIED:
        points = [(row[name], row["total"]["cpu_seconds"]) for row in measured if row["varied"] == name]
        slope = exponent([size for size, _ in points], [seconds for _, seconds in points])
        if slope is not None:
            found[name] = slope
    return found


def _in_a_process(size: dict[str, int]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.evaluation", "--child", json.dumps(size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(rows: int, classes: int, columns: int) -> dict[str, Any]:
    """One size; runs in its own process."""
    import sklearn.linear_model  # noqa: F401
    import tensorflow as tf  # noqa: F401
    import tfx_bsl.coders.example_coder  # noqa: F401

    with tempfile.TemporaryDirectory(prefix="plumbline-evaluation-") as name:
        folder = Path(name)
        features, splits = make_tables(folder, rows, classes, columns)
        save_model(folder / "model", features, classes)
        steps = {step: _timed(lambda step=step: run(step, folder, features, splits, classes)) for step in STEPS}
    total = {key: round(sum(one[key] for one in steps.values()), 2) for key in ("seconds", "cpu_seconds")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": rows, "classes": classes, "columns": columns, **steps, "total": total, "peak_mb": round(peak)
    }  # fmt: skip


def _timed(work: Callable[[], None]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), _cpu()
    work()
    return {"seconds": round(time.perf_counter() - wall, 2), "cpu_seconds": round(_cpu() - cpu, 2)}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(step: str, folder: Path, features: dict[str, Any], splits: dict[str, str], classes: int) -> None:
    """The core of one component, from its inputs on disk to its outputs on disk."""
    from components.error_analysis.analysis import analyse_errors
    from components.error_analysis.settings import ErrorAnalysisSettings
    from components.evaluator.blessing import ValidationThresholds
    from components.evaluator.evaluation import evaluate
    from components.predictor.prediction import predict, train_labels
    from components.shared.examples.example_reading import record_batches
    from components.shared.files import write_json
    from components.shared.serving.predictions import (
        read_predictions,
        read_train_labels,
        write_predictions,
        write_train_labels,
    )
    from components.shared.serving.serving_contract import SavedModel

    task, model = "binary" if classes == 2 else "multiclass", folder / "model"
    kept = folder / "predictions"
    if step == "predictor":
        candidate = SavedModel(model)
        tables, about = predict(record_batches(splits["eval"]), {"candidate": candidate}, task, "y")
        write_predictions(kept, tables, about)
        write_train_labels(kept, train_labels(record_batches(splits["train"]), candidate))
        return
    found, labels = read_predictions(kept), read_train_labels(kept)
    if step == "evaluator":
        place = folder / "evaluation"
        keys = [[features["categorical"][0]]]
        locations = {"candidate": str(model)}
        verdict = evaluate(found, labels, splits, features, keys, ValidationThresholds(), locations, None, place)
        write_json(place / "verdict.json", verdict)
        return
    metric = {"binary": "average_precision", "multiclass": "accuracy"}[task]
    audit: dict[str, Any] = {}
    errors = analyse_errors(
        found, splits["eval"], splits["train"], len(labels), model, audit, features, metric, ErrorAnalysisSettings()
    )  # fmt: skip
    write_json(folder / "errors.json", errors)


def make_tables(folder: Path, rows: int, classes: int, columns: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Writes splits train and eval; returns pipeline.toml's [features], and split -> folder."""
    import pyarrow as pa

    from components.arrow_example_gen.example_encoding import write_examples

    categorical = [f"c{at}" for at in range(max(1, columns // 10))]
    numeric = [f"n{at}" for at in range(columns - len(categorical))]
    random = np.random.default_rng(0)
    weights = _weights(len(numeric), classes)
    splits = {}
    for split, count in (("train", rows + rows // 10), ("eval", rows)):
        numbers = random.normal(size=(count, len(numeric))).astype(np.float32)
        logits = numbers @ weights
        # Gumbel's trick: the largest of logits with such noise is a draw from their softmax.
        label = (logits - np.log(-np.log(random.random(logits.shape)))).argmax(axis=1)
        table = {name: numbers[:, at] for at, name in enumerate(numeric)}
        table |= {name: random.integers(0, 12, count).astype(str) for name in categorical}
        (folder / split).mkdir()
        splits[split] = str(folder / split)
        batches = pa.table({**table, "y": label}).to_batches(8192)
        write_examples(batches, str(folder / split / "data_tfrecord-00000-of-00001.gz"))
    return {"categorical": categorical, "numeric": numeric, "cyclical": {}}, splits


def _weights(numeric: int, classes: int) -> np.ndarray:
    """Of the linear model, [numeric, classes]."""
    weights: np.ndarray = np.random.default_rng(1).normal(size=(numeric, classes)) * 2 / max(1, numeric) ** 0.5
    return weights.astype(np.float32)


def save_model(folder: Path, features: dict[str, Any], classes: int) -> None:
    """The model that the labels were drawn from, in float32."""
    import tensorflow as tf

    numeric = features["numeric"]
    weights = _weights(len(numeric), classes)

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            specs = {name: tf.io.FixedLenFeature([], tf.float32, 0.0) for name in numeric}
            parsed = tf.io.parse_example(examples, specs)
            logits = tf.stack([parsed[name] for name in numeric], axis=1) @ tf.constant(weights)
            if classes == 2:
                probability = tf.sigmoid(logits[:, 1] - logits[:, 0])
                return {"probability": probability, "class": tf.cast(probability >= 0.5, tf.int64)}
            names = tf.constant([str(code) for code in range(classes)])
            tiled = tf.tile(names[None], [tf.shape(logits)[0], 1])
            return {"probabilities": tf.nn.softmax(logits), "classes": tiled}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def labels(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            label = tf.io.parse_example(examples, {"y": tf.io.FixedLenFeature([], tf.int64, -1)})["y"]
            return {"transformed_label": label if classes > 2 else tf.cast(label, tf.float32)}

    model = Model()
    tf.saved_model.save(model, str(folder), {"serve_examples": model.serve, "transform_labels": model.labels})


if __name__ == "__main__":
    main()
