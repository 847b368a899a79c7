"""Predictions of candidate and champion in one pass."""

import numpy as np
import pytest

from components.predictor.prediction import predict, train_labels
from components.shared.examples.example_reading import record_batches
from components.shared.serving.predictions import (
    ModelPredictions,
    read_predictions,
    read_train_labels,
    write_predictions,
    write_train_labels,
)
from tests.components.served_models import save_binary, save_multiclass, save_regression, write_split

pytestmark = pytest.mark.slow


def asked(folder, models, task, labels, numbers=None, batch=3) -> ModelPredictions:
    rows = len(labels)
    split = write_split(folder / "eval", ["EWR"] * rows, numbers or [float(row) for row in range(rows)], labels)
    tables, about = predict(record_batches(split, batch), models, task, "y")
    write_predictions(folder / "predictions", tables, about)
    return read_predictions(folder / "predictions")


def test_labelled_rows_keep_their_row_numbers(tmp_path):
    model = save_binary(tmp_path / "a", 1.0, threshold=0.5)
    found = asked(tmp_path, {"candidate": model}, "binary", [None, 1, 0, None, 1, None, None], [0, 0, -1, 0, 1, 0, 0])
    assert found.places.tolist() == [1, 2, 4]
    assert found.labels.tolist() == [1.0, 0.0, 1.0]
    assert (found.about.rows, found.about.unlabelled, found.about.thresholds) == (7, 4, {"candidate": 0.5})
    answer = found.outputs["candidate"]
    assert answer.output == pytest.approx([0.5, 0.2689414, 0.7310586])
    assert answer.decided.tolist() == [1, 0, 1]  # 0.5 itself is called 1


def test_classes_are_matched_by_name_and_unknown_ones_are_counted(tmp_path):
    models = {
        "candidate": save_multiclass(tmp_path / "a", ["x", "y", "z"]),
        "champion": save_multiclass(tmp_path / "b", ["z", "old", "x"], lean=2.0),
    }
    found = asked(tmp_path, models, "multiclass", ["x", "new", "z", None, "new", "flüge"], [1.0] * 6)
    about = found.about
    assert (about.classes, about.unknown_labels, about.unlabelled) == (("x", "y", "z"), {"new": 2, "flüge": 1}, 1)
    assert found.labels.tolist() == [0.0, 2.0]
    assert found.places.tolist() == [0, 2]
    old = np.exp([0.0, 2.0, 4.0]) / np.exp([0.0, 2.0, 4.0]).sum()  # of z, old, x
    assert found.outputs["champion"].output == pytest.approx(np.array([[old[2], 0, old[0]]] * 2), abs=1e-6)
    assert found.outputs["champion"].decided.tolist() == [0, 0]
    assert found.outputs["candidate"].decided.tolist() == [2, 2]


def test_regression_has_no_decisions(tmp_path):
    found = asked(tmp_path, {"candidate": save_regression(tmp_path / "a", 2.0)}, "regression", [5, None, 7])
    assert found.outputs["candidate"].output.tolist() == [0.0, 4.0]
    assert found.outputs["candidate"].decided is None
    assert found.about.thresholds == {}


def test_no_labelled_row(tmp_path):
    found = asked(tmp_path, {"candidate": save_binary(tmp_path / "a", 1.0)}, "binary", [None, None])
    assert (len(found.labels), found.about.rows, found.about.unlabelled) == (0, 2, 2)
    assert len(found.outputs["candidate"].output) == 0


def test_digest_depends_on_rows_and_not_on_batches(tmp_path):
    model = {"candidate": save_binary(tmp_path / "a", 1.0)}
    digests = {
        asked(tmp_path / str(at), model, "binary", labels, batch=batch).about.digest
        for at, (labels, batch) in enumerate((([1, 0, 1], 1), ([1, 0, 1], 3), ([1, 0, 0], 3)))
    }
    assert len(digests) == 2


def test_labels_of_the_train_split(tmp_path):
    split = write_split(tmp_path / "train", ["EWR"] * 3, [1.0] * 3, [1, None, 0])
    labels = train_labels(record_batches(split, 2), save_binary(tmp_path / "a", 1.0))
    write_train_labels(tmp_path, labels)
    assert read_train_labels(tmp_path) == pytest.approx([1.0, np.nan, 0.0], nan_ok=True)
