"""Training end to end on small data: its outputs, its errors, and that it is deterministic."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.shared.errors import InputError, PlumblineError
from components.trainer.network import fit_network
from components.trainer.network_layers import Shape
from components.trainer.training_columns import TrainingColumns

pytestmark = pytest.mark.slow

Trained = Callable[[str], Path]
Encode = Callable[[list[dict[str, Any]]], list[bytes]]


def _columns(rows: int, labels: np.ndarray | None = None) -> TrainingColumns:
    numeric = np.linspace(-1, 1, rows, dtype=np.float32).reshape(-1, 1)
    return TrainingColumns({"numeric": numeric}, np.arange(rows, dtype=np.float32) % 2 if labels is None else labels)


def test_one_row_cannot_be_trained_on(tmp_path: Path, new_project: Any, made_up: Any) -> None:
    project = new_project(tmp_path, made_up(1), "regression")
    with pytest.raises(InputError, match="only one labelled row"):
        project.train()


@pytest.mark.parametrize(
    ("task", "metrics"),
    [
        ("binary", {"auc", "average_precision", "log_loss"}),
        ("multiclass", {"accuracy", "log_loss"}),
        ("regression", {"rmse", "mae"}),
    ],
)
def test_every_task_trains_and_reports(trained: Trained, task: str, metrics: set[str]) -> None:
    folder = trained(task)
    report = json.loads((folder.parent / "model-run" / "training.json").read_text(encoding="utf-8"))
    assert report["rows"] == {"train": 300, "validation": 180}  # of a rolling origin with three stretches of a fifth
    assert report["small_data"]["batch_size"] == 16
    members = {member["name"]: member for member in report["members"]}
    assert set(members) == {"trees", "network"}  # [training] model = "blend" in this project
    assert sum(member["weight"] for member in members.values()) == pytest.approx(1)
    assert all(member["seconds"] > 0 and member["reason"] for member in members.values())
    assert 1 <= report["rounds"] <= 50
    assert report["refitted"]
    assert set(report["validation"]) == metrics
    assert set(report["seconds"]) == {"read", "train", "export"}


def test_same_seed_gives_the_same_model(
    project: Any, trained: Trained, trained_otherwise: Path, made_up: Any, encode: Encode
) -> None:
    again = project("binary").train("again")
    examples = tf.constant(encode(made_up(20, seed=1)))

    def probabilities(folder: Path) -> Any:
        return tf.saved_model.load(str(folder)).signatures["serve_examples"](examples=examples)["probability"].numpy()

    first = probabilities(trained("binary"))
    assert probabilities(again) == pytest.approx(first, abs=1e-6)
    assert np.abs(probabilities(trained_otherwise) - first).max() > 1e-3


def test_single_class_is_refused(tmp_path: Path, new_project: Any, made_up: Any, encode: Encode) -> None:
    project = new_project(tmp_path, [row | {"sold": 1} for row in made_up(10)], "binary")
    with pytest.raises(InputError, match="label sold has a single class in all 10 rows"):
        project.train()
    rows = [row | {"sold": 2} for row in made_up(10)]
    with tf.io.TFRecordWriter(str(tmp_path / "data-2.gz"), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for example in encode(rows):
            writer.write(example)
    with pytest.raises(InputError, match="label sold has the value 2, but the task is binary"):
        project.train()


def test_loss_that_is_not_finite_is_an_error() -> None:
    settings = {"hidden_units": [4], "dropout": 0.0, "batch_size": 4, "learning_rate": 0.1, "weight_decay": 0.0}
    settings |= {"patience": 1, "epochs": 1, "seed": 0, "members": 2}
    infinite = _columns(8, np.full(8, np.inf, np.float32))
    with pytest.raises(PlumblineError, match="the loss is not a number; lower"):
        fit_network(infinite, infinite, Shape({"numeric": 1}, 0, 1), "regression", settings)
