"""Model quality: the pipeline's model, gradient boosting, logistic regression and a network like TFX's template.

    python -m benchmarks.model_quality [--splits random,december,october] [--seeds 3] [--work DIR]

All learn from the same rows and columns of the flights and are judged on the same rows, three ways: a random third held
out; December after January to November; October after January to September. Ours is what `plumbline run` trains: the
transform graph, then components/trainer with the settings of schemas/flights (for the random third, where there is no
order of time, with `--random-epochs` for the network), asked through the SavedModel's `serve_examples`. Boosting is
scikit-learn's HistGradientBoostingClassifier with 300 rounds, 63 leaves, rate 0.1, native categories and, as our trees,
one thread. The stock network has two layers of 16 and 8, one-hot categories, standardised numbers, 1,000 steps of 1,024
rows.

Prints one JSON object: split -> model -> {auc, average_precision, f1 (at the best threshold), log_loss,
calibration_error (15 bins of equal mass), seconds (of training; transforming and one-hot coding are not in it)}, for
ours a list, one for each seed, and `ours_median`.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality_data import SPLITS, Prepared, Split, flights, split
from benchmarks.results import print_result

BINS = 15


def main() -> None:
    """Trains, judges, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", default=",".join(SPLITS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--random-epochs", type=int, default=10)
    parser.add_argument("--work", type=Path, help="keep prepared splits and models here (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    from pipeline.process.environment import configure_environment

    configure_environment()
    rows, result = flights(), {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.splits.split(","):
            folder = (options.work or Path(temporary)) / name
            result[name] = _compared(split(name, rows), folder, options.seeds, options.random_epochs)
    print_result(result, options.json)


def _compared(one: Split, folder: Path, seeds: int, random_epochs: int) -> dict[str, Any]:
    prepared = Prepared(one, folder)
    labels = one.test.late.to_numpy()
    found: dict[str, Any] = {}
    for name, fit in {"boosting": _boosting, "logistic": _logistic, "stock_network": _stock_network}.items():
        began = time.monotonic()
        probability, seconds = fit(one)
        found[name] = judged(labels, probability) | {"seconds": seconds}
        print(f"{one.name} {name} {found[name]} ({time.monotonic() - began:.0f} s)", file=sys.stderr)
    found["ours"] = []
    for seed in range(seeds):
        settings = {"seed": seed} if one.ordered else {"seed": seed, "epochs": random_epochs}
        model = prepared.train(f"model-{seed}", **settings)
        report = json.loads((folder / f"model-{seed}-run" / "training.json").read_text())
        seconds = report["seconds"]["train"]
        told = {key: report[key] for key in ("blend", "temperature", "rounds", "best_epoch") if key in report}
        found["ours"].append(judged(labels, prepared.probabilities(model)) | {"seconds": seconds, **told})
        print(f"{one.name} ours {found['ours'][-1]}", file=sys.stderr)
    numbers = [key for key, value in found["boosting"].items() if isinstance(value, float)]
    found["ours_median"] = {key: statistics.median(each[key] for each in found["ours"]) for key in numbers}
    return found


def judged(labels: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """The figures of the table; labels 0 and 1 [N], probability [N]."""
    from sklearn import metrics

    precision, recall, _ = metrics.precision_recall_curve(labels, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    bins = np.array_split(np.argsort(probability, kind="stable"), BINS)
    gaps = [len(rows) * abs(probability[rows].mean() - labels[rows].mean()) for rows in bins if len(rows)]
    return {
        "auc": float(metrics.roc_auc_score(labels, probability)),
        "average_precision": float(metrics.average_precision_score(labels, probability)),
        "f1": float(f1.max()),
        "log_loss": float(metrics.log_loss(labels, probability)),
        "calibration_error": float(sum(gaps) / len(labels)),
    }


def _columns() -> tuple[list[str], list[str]]:
    from pipeline.settings.config import load_config

    features = load_config(Path("schemas/flights/pipeline.toml")).features
    return list(features.categorical), [*features.numeric, *features.cyclical]


def _boosting(one: Split) -> tuple[np.ndarray, float]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    categorical, numbers = _columns()
    sides = {}
    codes = {
        name: {value: code for code, value in enumerate(one.train[name].value_counts().index[:254])}
        for name in categorical
    }
    for part, rows in (("train", one.train), ("test", one.test)):
        coded = [rows[name].map(codes[name]).astype(float) for name in categorical]
        sides[part] = np.column_stack([*coded, rows[numbers].astype(float)])
    model = HistGradientBoostingClassifier(
        max_iter=300,
        max_leaf_nodes=63,
        learning_rate=0.1,
        categorical_features=list(range(len(categorical))),
        early_stopping=False,
        random_state=0,
    )
    began = time.monotonic()
    with threadpool_limits(1):  # two threads that wait for each other took many times as long beside other work
        model.fit(sides["train"], one.train.late)
    return model.predict_proba(sides["test"])[:, 1], time.monotonic() - began


def _coded(one: Split) -> dict[str, Any]:
    """One-hot categories (seen 10 times or more), standardised numbers with 0 and a flag where missing; sparse."""
    from scipy import sparse
    from sklearn.preprocessing import OneHotEncoder

    categorical, numbers = _columns()
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, dtype=np.float32)
    encoder.fit(one.train[categorical].astype(str))
    mean, spread = one.train[numbers].mean(), one.train[numbers].std().replace(0, 1)
    sides = {}
    for part, rows in (("train", one.train), ("test", one.test)):
        missing = rows[numbers].isna().to_numpy(np.float32)
        scaled = ((rows[numbers] - mean) / spread).fillna(0).to_numpy(np.float32)
        sides[part] = sparse.hstack([encoder.transform(rows[categorical].astype(str)), scaled, missing]).tocsr()
    return sides


def _logistic(one: Split) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    sides = _coded(one)
    model = LogisticRegression(max_iter=300)
    began = time.monotonic()
    model.fit(sides["train"], one.train.late)
    return model.predict_proba(sides["test"])[:, 1], time.monotonic() - began


def _stock_network(one: Split) -> tuple[np.ndarray, float]:
    import keras

    sides = _coded(one)
    train, test = (sides[part].astype(np.float32).toarray() for part in ("train", "test"))
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(16), keras.layers.Dense(8), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.001), "binary_crossentropy", steps_per_execution=20, jit_compile=False)
    rows = np.random.default_rng(0).integers(0, len(train), 1000 * 1024)
    labels = one.train.late.to_numpy(np.float32)
    began = time.monotonic()
    for part in np.array_split(rows, 20):
        model.fit(train[part], labels[part], batch_size=1024, shuffle=False, verbose=0)
    seconds = time.monotonic() - began
    return np.asarray(model.predict(test, batch_size=8192, verbose=0))[:, 0].astype(np.float64), seconds


if __name__ == "__main__":
    main()
