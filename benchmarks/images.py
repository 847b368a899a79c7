"""Accuracy and cost of image tables from files to a pushed model, by `plumbline init` and `plumbline run` unedited.

    python -m benchmarks.images [--seeds 5] [--only digits|steel] [--json FILE]

digits   scikit-learn's 1,797 digits in a folder per class; a third of them, drawn anew for each seed, is held out
steel    the photographs of `python -m data.steel`, trained on the spans before the last; the last one is held out.
         Its labels are those of the two labelers, so the accuracy against the true classes is given, too.

Prints one JSON object: `digits` {`accuracy` (mean), `seeds`, `members`, `cpu`}, `steel` {`accuracy` against the given
labels, `truth` against the true classes, `members`, `cpu`, `seconds`}; CPU in seconds, of the whole run.
"""

import argparse
import io
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.measured import Measured, measure
from benchmarks.results import print_result
from data import steel

HELD_OUT = 3
"""One row of this many is held out."""


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=("digits", "steel"))
    parser.add_argument("--json", type=Path, help="keep the result in this file, too")
    options = parser.parse_args()
    result: dict[str, Any] = {}
    if options.only != "steel":
        runs = [_digits(seed) for seed in range(options.seeds)]
        accuracies = [summary["metrics"]["accuracy"] for summary, _ in runs]
        result["digits"] = {
            "accuracy": round(statistics.mean(accuracies), 4),
            "seeds": [round(one, 4) for one in accuracies],
            "members": [_members(summary) for summary, _ in runs],
            "cpu": round(statistics.median(measured.cpu_seconds for _, measured in runs), 1),
        }
    if options.only != "digits":
        result["steel"] = _steel()
    print_result(result, options.json)


def _digits(seed: int) -> tuple[dict[str, Any], Measured]:
    """One run: two spans, the second of which is a random third of the rows."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        for place, at in enumerate(order):
            span = 2 if place < len(order) // HELD_OUT else 1
            target = folder / "data" / f"span-{span}" / str(digits.target[at]) / f"{at:04d}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            sink = io.BytesIO()
            Image.fromarray(np.round(digits.images[at] * 255 / 16).astype(np.uint8)).save(sink, "PNG")
            target.write_bytes(sink.getvalue())
        summary, measured = _run(folder, "digit", "data")
    print(f"digits, seed {seed}: {summary['metrics']['accuracy']:.4f}", file=sys.stderr)
    return summary, measured


def _steel() -> dict[str, Any]:
    import pandas as pd
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        steel.main(["--out", str(folder / "data")])
        summary, measured = _run(folder, "defect", "data", "--annotators", "labeler_1,labeler_2")
        newest = summary["spans"]["eval"][-1]
        rows = pd.read_csv(folder / "data" / f"span-{newest:02d}.csv", keep_default_na=False)
        truth = pd.read_csv(folder / "data" / steel.TRUTH, keep_default_na=False).set_index("photo_id")["defect"]
        model = tf.saved_model.load(str(folder / "runs" / "images" / "registry" / "1"))
        served = model.signatures["serving_default"]
        predicted = []
        for start in range(0, len(rows), 200):
            part = rows[start : start + 200]
            inputs = {
                name: tf.constant(
                    [(folder / "data" / path).read_bytes() for path in part[name]]
                    if name == "photo"
                    else part[name].astype(spec.dtype.as_numpy_dtype if spec.dtype != tf.string else str).tolist(),
                    spec.dtype,
                )
                for name, spec in served.structured_input_signature[1].items()
            }
            predicted += [one.decode() for one in served(**inputs)["class"].numpy().tolist()]
    return {
        "accuracy": round(summary["metrics"]["accuracy"], 4),
        "truth": round(float(np.mean(np.array(predicted) == truth[rows["photo_id"]].to_numpy())), 4),
        "members": _members(summary),
        "cpu": round(measured.cpu_seconds, 1),
        "seconds": round(measured.seconds, 1),
    }


def _run(folder: Path, label: str, data: str, *more: str) -> tuple[dict[str, Any], Measured]:
    command = [sys.executable, "-m", "pipeline.cli"]
    measure([*command, "init", "--data", data, "--label", label, "--name", "images", *more], folder)
    measured = measure([*command, "run", "--dataset", "images"], folder)
    (reports,) = (folder / "runs" / "images" / "reports").iterdir()
    return json.loads((reports / "summary.json").read_text()), measured


def _members(summary: dict[str, Any]) -> dict[str, float]:
    return {one["name"]: one["weight"] for one in summary["model"]["members"] if one["weight"]}


if __name__ == "__main__":
    main()
