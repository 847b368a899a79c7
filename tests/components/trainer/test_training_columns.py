"""Training on rows that exceed the memory budget gives the same result."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from components.trainer.candidates import TaskSpec
from components.trainer.fitting import fit
from components.trainer.row_buffer import RowBuffer, in_files
from components.trainer.training_columns import TrainingColumns, read_columns

SETTINGS = {
    "model": "blend", "refit": True, "epochs": 20, "batch_size": 50, "learning_rate": 0.02, "hidden_units": [16],
    "members": 2, "dropout": 0.0, "weight_decay": 0.0, "patience": 20, "validation_share": 0.2, "time_budget": 60,
    "seed": 3,
    "trees": {"n_estimators": 20, "num_leaves": 8, "learning_rate": 0.2, "l2": 0.0, "colsample_bytree": 1.0},
}  # fmt: skip


def test_adjacent_rows_are_concatenated_without_a_copy() -> None:
    whole = TrainingColumns(
        {"numeric": np.arange(20, dtype=np.float32).reshape(10, 2)}, np.arange(10, dtype=np.float32)
    )
    again = whole.rows(slice(None, -3)).and_then(whole.rows(slice(-3, None)))
    assert np.shares_memory(again.features["numeric"], whole.features["numeric"])
    assert np.array_equal(again.features["numeric"], whole.features["numeric"])
    other = whole.rows(slice(5, None)).and_then(whole.rows(slice(None, 5)))
    assert np.array_equal(other.labels, [5, 6, 7, 8, 9, 0, 1, 2, 3, 4])


@pytest.mark.slow
def test_files_hold_the_same_rows_as_memory(project: Callable[[str], Any]) -> None:
    in_memory, on_disk = _read(project("binary")), _read(project("binary"), budget=1000)
    assert list(in_memory.features) == sorted(in_memory.features)
    assert len(in_memory) == 300
    order = np.random.default_rng(1).permutation(300)
    for one, other in ((in_memory, on_disk), (in_memory.taken(order), on_disk.taken(order))):
        assert np.array_equal(one.labels, other.labels)
        for name, matrix in one.features.items():
            assert np.array_equal(matrix, other.features[name])
            assert matrix.dtype == other.features[name].dtype
            assert in_files(other.features[name])
            assert not in_files(matrix)


@pytest.mark.slow
def test_training_from_files() -> None:
    """The trees see the rows in the same order and are equal; the network sees them in another order and is as good."""
    draw = np.random.default_rng(2)
    numeric = draw.uniform(-1, 1, (600, 2)).astype(np.float32)
    code = draw.integers(2, 5, (600, 1)).astype(np.int32)
    features = {"categorical": code, "missing": np.zeros((600, 2), np.float32), "numeric": numeric}
    spool = RowBuffer(budget=0)
    spool.add(features)
    labels = (numeric[:, 0] + (code[:, 0] == 3) > 0.5).astype(np.float32)
    answers = []
    for rows in (TrainingColumns(features, labels), TrainingColumns(spool.matrices(), labels)):
        task = TaskSpec("binary", 0, 5, ordered=True)
        trees = fit(rows, task, SETTINGS | {"model": "trees"})
        answers.append(trees.model({name: tf.constant(matrix) for name, matrix in features.items()}).numpy())
        once = SETTINGS | {"model": "network", "refit": False}  # the trees show that what is refitted comes from files
        network = fit(rows, task, once)
        right = (network.answer[:, 0] > 0) == (network.labels > 0.5)
        assert right.mean() > 0.9
        assert network.report["examples_per_second"] > 0
        assert "batches were being gathered" in network.report["bound_by"]
    assert np.array_equal(*answers)


def _read(one: Any, **budget: int) -> TrainingColumns:
    transform = tft.TFTransformOutput(str(one.folder / "transform"))
    return read_columns([str(one.folder / "data*")], one.record_batches, one.schema, transform, **budget)
