"""Latency and throughput of the SavedModel, compared with `predict` of tree libraries.

    python -m benchmarks.inference [--run FOLDER] [--model DIR] [--rounds 3] [--seconds 2] [--json FILE]

`--run` is the folder of a dataset's finished runs, such as runs/flights; without it, `plumbline run --dataset flights`
makes one in a temporary folder. Its newest model is asked, or the SavedModel in `--model`, with rows of its eval split,
each way in turn, round by round, in one process with TensorFlow's default threads:

    serve_examples    serialized tf.Examples
    serving_default   a tensor for each feature
    boosting          scikit-learn's HistGradientBoosting predict on a matrix of float64 that is there already,
                      categories as codes; as many trees and leaves as ours (or `--trees`, `--leaves`), fitted to the
                      train split
    lightgbm          the same with LightGBM, where it is installed

Prints one JSON object: `model`; `trees` {count, leaves} of the engines; `one_row` way -> {median_ms, p99_ms} over the
calls of all rounds; `batches` size -> way -> rows per second, by the median call; `ratio` size -> rows per second of
`serve_examples` to those of the faster engine (above 1: ours is faster).
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.finished_run import FinishedRun, run
from benchmarks.measured import CHECKOUT
from benchmarks.results import print_result
from components.shared.errors import PlumblineError

SIZES = (1, 64, 1024, 8192)
TREES, LEAVES = 300, 63
"""Where training.json does not say how large the trees are."""
MIN_CALLS = 5
MISSING = {"string": "", "int64": np.iinfo(np.int64).min, "float32": np.nan}
"""What says "no value" to serving_default, see components/trainer/signatures.py."""

Call = Callable[[], Any]


def main() -> int:
    """Asks, prints; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each way and size in a round")
    parser.add_argument("--trees", type=int)
    parser.add_argument("--leaves", type=int)
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="plumbline-inference-") as temporary:
            finished = FinishedRun(options.run) if options.run else trained(Path(temporary))
            result = _measured(finished, options)
    except PlumblineError as error:
        print(f"benchmarks/inference: {error}", file=sys.stderr)
        return error.exit_code
    print_result(result, options.json)
    return 0


def trained(folder: Path) -> FinishedRun:
    """A run on the newest months of the flights; its settings name the spans by a path from the checkout."""
    (folder / "schemas").symlink_to(CHECKOUT / "schemas")
    (folder / "data").symlink_to(CHECKOUT / "data")
    return run(folder, "flights")[0]


def _measured(finished: FinishedRun, options: argparse.Namespace) -> dict[str, Any]:
    from pipeline.process.environment import configure_environment

    configure_environment()
    from pipeline.settings.config import load_config

    config = load_config(CHECKOUT / "schemas" / "flights" / "pipeline.toml")
    model = options.model or finished.model
    served = Served(model, finished.examples("eval"), list(config.features.names))
    trees = finished.training.get("trees", {})
    count = options.trees or finished.training.get("rounds") or TREES
    leaves = options.leaves or (trees.get("num_leaves") if isinstance(trees, dict) else None) or LEAVES
    features = [list(config.features.categorical), [*config.features.numeric, *config.features.cyclical]]
    engines = _engines(finished, features, config.dataset.label, count, leaves)
    calls = {size: served.calls(size) | {name: one(size) for name, one in engines.items()} for size in SIZES}
    seconds: dict[int, dict[str, list[float]]] = {size: {way: [] for way in ways} for size, ways in calls.items()}
    for number in range(options.rounds):
        for size, ways in calls.items():
            for way, call in ways.items():
                if not number:
                    call()  # the graph is built, caches are warm
                seconds[size][way] += timed(call, options.seconds)
    told = {"model": str(model), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    return told | {"trees": {"count": count, "leaves": leaves}} | summed_up(seconds)


def timed(call: Call, seconds: float) -> list[float]:
    """Seconds of each call, for at least so long and so many calls."""
    found: list[float] = []
    ends = time.perf_counter() + seconds
    while len(found) < MIN_CALLS or time.perf_counter() < ends:
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return found


def summed_up(seconds: Mapping[int, Mapping[str, list[float]]]) -> dict[str, Any]:
    """Size -> way -> seconds of each call, as it is printed."""
    medians = {size: {way: statistics.median(each) for way, each in ways.items()} for size, ways in seconds.items()}
    one_row = {
        way: {"median_ms": round(1000 * medians[1][way], 3), "p99_ms": round(1000 * float(np.quantile(each, 0.99)), 3)}
        for way, each in seconds[1].items()
    }
    batches = {
        str(size): {way: round(size / median) for way, median in ways.items()}
        for size, ways in medians.items()
        if size > 1
    }
    ratio = {
        str(size): round(
            min(median for way, median in ways.items() if not way.startswith("serv")) / ways["serve_examples"], 3
        )
        for size, ways in medians.items()
    }
    return {"one_row": one_row, "batches": batches, "ratio": ratio}


class Served:
    """A SavedModel, and rows to ask it about in both forms.

    Attributes:
      columns: Inputs of serving_default, as many rows as the largest of SIZES.
    """

    def __init__(self, model: Path, split: Path, features: list[str]) -> None:
        """Loads the model and the first rows of a split; fewer than the largest size are repeated."""
        import tensorflow as tf

        from components.shared.examples.example_reading import read_examples
        from components.trainer.signatures import input_names

        self._tf = tf
        self._loaded = tf.saved_model.load(str(model))  # signatures live as long as it does
        self._signatures = self._loaded.signatures
        files = sorted(str(path) for path in split.iterdir())
        records = list(tf.data.TFRecordDataset(files, compression_type="GZIP").take(SIZES[-1]).as_numpy_iterator())
        rows = read_examples(str(split), features)
        self._records = np.resize(np.array(records, object), SIZES[-1])
        specs = self._signatures["serving_default"].structured_input_signature[1]
        at = np.resize(np.arange(len(records)), SIZES[-1])
        self.columns = {
            sent: _plain(rows[name].iloc[at], specs[sent].dtype.name)
            for sent, name in zip(input_names(features), features, strict=True)
        }

    def calls(self, size: int) -> dict[str, Call]:
        """Both signatures on the first rows; tensors are made beforehand, answers are fetched."""
        examples = self._tf.constant(self._records[:size])
        columns = {name: self._tf.constant(values[:size]) for name, values in self.columns.items()}
        by_example, by_column = (self._signatures[name] for name in ("serve_examples", "serving_default"))
        return {
            "serve_examples": lambda: _fetched(by_example(examples=examples)),
            "serving_default": lambda: _fetched(by_column(**columns)),
        }


def _fetched(answer: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in answer.items()}


def _plain(values: "pd.Series[Any]", dtype: str) -> np.ndarray:
    """A column as serving_default takes it."""
    if dtype == "string":
        return values.fillna(MISSING[dtype]).astype(str).to_numpy(object)
    found: np.ndarray = values.to_numpy(dtype, na_value=MISSING[dtype])
    return found


def _engines(
    finished: FinishedRun, features: list[list[str]], label: str, count: int, leaves: int
) -> dict[str, Callable[[int], Call]]:
    """Engine -> how to make a call on so many rows of the eval split."""
    import importlib.util

    from sklearn.ensemble import HistGradientBoostingClassifier

    from components.shared.examples.example_reading import read_examples

    categorical, numbers = features
    train, test = (
        read_examples(str(finished.examples(split)), [*categorical, *numbers, label]) for split in ("train", "eval")
    )
    codes = {
        name: {value: at for at, value in enumerate(train[name].value_counts().index[:254])} for name in categorical
    }

    def coded(rows: pd.DataFrame) -> np.ndarray:
        columns = [rows[name].map(codes[name]) for name in categorical] + [rows[name] for name in numbers]
        return np.column_stack([column.to_numpy(np.float64, na_value=np.nan) for column in columns])

    labels = train[label].to_numpy(np.int64)
    matrix, asked = coded(train), np.resize(coded(test), (SIZES[-1], len(categorical) + len(numbers)))
    places = list(range(len(categorical)))
    model = HistGradientBoostingClassifier(
        max_iter=count, max_leaf_nodes=leaves, categorical_features=places, early_stopping=False, random_state=0
    )
    model.fit(matrix, labels)
    found: dict[str, Callable[[int], Call]] = {
        "boosting": lambda size: lambda rows=asked[:size]: model.predict_proba(rows)  # type: ignore[misc]
    }
    if importlib.util.find_spec("lightgbm"):
        import lightgbm

        data = lightgbm.Dataset(matrix, labels, categorical_feature=places, free_raw_data=True)
        settings = {"objective": "binary", "num_leaves": leaves, "verbose": -1, "seed": 0}
        booster = lightgbm.train(settings, data, num_boost_round=count)
        found["lightgbm"] = lambda size: lambda rows=asked[:size]: booster.predict(rows)  # type: ignore[misc]
    return found


if __name__ == "__main__":
    sys.exit(main())
