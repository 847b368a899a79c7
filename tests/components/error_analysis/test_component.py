"""The component ErrorAnalysis on trained models: content of errors.json."""

import json
from pathlib import Path

import numpy as np
import pytest

from components.error_analysis.component import ErrorAnalysis
from components.predictor.prediction import predict, train_labels
from components.shared.examples.example_reading import record_batches
from components.shared.files import write_json
from components.shared.serving.predictions import write_predictions, write_train_labels
from components.shared.serving.serving_contract import SavedModel
from tests.components.trainer.projects import FEATURES, LABELS, serialize

pytestmark = pytest.mark.slow

NAMES = [*FEATURES["categorical"], *FEATURES["numeric"], *FEATURES["cyclical"]]
RANKED_BY = {"binary": "average_precision", "multiclass": "accuracy", "regression": "rmse"}


def write(folder: Path, rows) -> None:
    import tensorflow as tf

    folder.mkdir(parents=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), options) as writer:
        for example in serialize(rows):
            writer.write(example)


def analysed(folder: Path, model: Path, train, evaluated, task="binary", doubtful=(), **settings):
    """Runs the component and returns errors.json; `doubtful` are positions of label issues in train."""
    from tfx.dsl.components.base.base_executor import BaseExecutor
    from tfx.types.artifact_utils import encode_split_names
    from tfx.types.standard_artifacts import Examples, Model

    from components.shared.artifacts.artifact_types import ErrorReport, LabelReport, Predictions

    found = {
        "examples": Examples(),
        "model": Model(),
        "predictions": Predictions(),
        "labels": LabelReport(),
        "errors": ErrorReport(),
    }
    for name, artifact in found.items():
        artifact.uri = str(folder / name)
    found["examples"].split_names = encode_split_names(["train", "eval"])
    write(folder / "examples" / "Split-train", train)
    write(folder / "examples" / "Split-eval", evaluated)
    (folder / "model").mkdir()
    (folder / "model" / "Format-Serving").symlink_to(model)
    issues = [{"row": int(row)} for row in doubtful]
    write_json(folder / "labels" / "labels.json", {"judged": len(train), "doubtful": len(issues), "issues": issues})
    executor = ErrorAnalysis.EXECUTOR_SPEC.executor_class(BaseExecutor.Context(tmp_dir=str(folder), unique_id="1"))
    properties = {
        "metric": RANKED_BY[task],
        "kinds": json.dumps({kind: FEATURES[kind] for kind in ("categorical", "numeric", "cyclical")}),
        "settings": json.dumps(settings),
        "code": "",
    }
    splits = {split: str(folder / "examples" / f"Split-{split}") for split in ("train", "eval")}
    asked = SavedModel(model)
    tables, about = predict(record_batches(splits["eval"]), {"candidate": asked}, task, LABELS[task])
    write_predictions(folder / "predictions", tables, about)
    write_train_labels(folder / "predictions", train_labels(record_batches(splits["train"]), asked))
    inputs = {name: [found[name]] for name in ("examples", "model", "predictions", "labels")}
    executor.Do(inputs, {"errors": [found["errors"]]}, properties)
    return json.loads((folder / "errors" / "errors.json").read_text())


def test_wrong_labels_in_a_slice(tmp_path, trained, made_up):
    train, rows = made_up(300), made_up(2500, seed=1)
    wrong = np.random.default_rng(0).random(len(rows)) < 0.4
    for row, flip in zip(rows, wrong, strict=True):
        if row["color"] == "red" and flip:
            row["sold"] = 1 - row["sold"]
    doubtful = [at for at, row in enumerate(train) if row["color"] == "red"][::2]
    found = analysed(tmp_path, trained("binary"), train, rows, doubtful=doubtful, min_rows=150)
    assert found["rows"] == 2500 and found["unlabelled"] == 0
    first = found["slices"][0]
    red = [row["color"] == "red" for row in rows]
    assert (first["slice"], first["rows"], first["metric"]) == ("color=red", sum(red), "log_loss")
    assert first["weight"] == pytest.approx(first["gap"] * sum(red) / 2500)
    assert (first["cause"], first["train_rows"]) == ("labels", sum(row["color"] == "red" for row in train))
    assert first["next"].startswith("check its labels: ")
    assert found["says"].endswith("color=red adds most to the loss.")
    # The label follows from `height` and `color`; `absent` has no value at all.
    worth = {one["feature"]: one["drop"] for one in found["importance"]}
    assert set(worth) == set(NAMES)
    assert found["importance"][0]["feature"] == "height" and worth["height"] > 0.1
    assert worth["absent"] == 0
    assert found["metrics"]["log_loss"] == pytest.approx(found["loss"]["value"])


@pytest.mark.parametrize(("count", "start"), [(1, "Too few rows to compare slices"), (0, "No error analysis: ")])
def test_few_rows(tmp_path, trained, made_up, count, start):
    found = analysed(tmp_path, trained("binary"), made_up(50), made_up(count))
    assert found["says"].startswith(start)
    assert found["slices"] == []
    assert len(found["importance"]) == len(NAMES) * count


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks(tmp_path, trained, made_up, task):
    rows = made_up(1500, seed=1)
    draw = np.random.default_rng(0)
    for row in rows:
        if row["grade"] == 2:
            row["kind"] = str(draw.choice(["low", "middle", "high"]))
            row["price"] += float(draw.normal(0, 40))
    rows[0]["kind"] = "never seen"  # unknown class: the row is left out
    found = analysed(tmp_path, trained(task), made_up(300), rows, task, min_rows=100, importance_rows=200)
    assert found["slices"][0]["slice"] == "grade=2"
    assert found["unlabelled"] == (task == "multiclass")
    assert found["importance"][0]["metric"] == RANKED_BY[task]
    assert {"height", "color"} == {one["feature"] for one in found["importance"][:2]}
