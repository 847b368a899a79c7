"""Both mappings from raw inputs to transformed features: the graph of matrices, and the graph of raw columns."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.tf_metadata import schema_utils

from components.trainer.raw_inputs import AlignedInputs, ByLayer, ByMatrices, raw_inputs
from components.trainer.training_columns import read_columns

pytestmark = pytest.mark.slow

NAMES = ["color", "grade", "height", "count", "absent", "minute"]
OPTIONAL = ["color", "grade", "height", "absent", "minute"]


@pytest.fixture(scope="module")
def both(project: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ByMatrices, ByLayer]:
    made = project("multiclass")
    alone = tmp_path_factory.mktemp("layer") / "transform"
    shutil.copytree(made.folder / "transform", alone, ignore=shutil.ignore_patterns("matrices"))
    specs = schema_utils.schema_as_feature_spec(made.schema).feature_spec
    found = [
        raw_inputs(tft.TFTransformOutput(str(folder)), specs, NAMES, NAMES[:2], "kind")
        for folder in (made.folder / "transform", alone)
    ]
    assert isinstance(found[0], ByMatrices) and isinstance(found[1], ByLayer)
    return made, found[0], found[1]


def _same(one: Any, other: Any) -> None:
    assert one.keys() >= {"categorical", "numeric", "cyclical", "missing"}
    for name, matrix in one.items():
        assert np.array_equal(matrix.numpy(), other[name].numpy(), equal_nan=True), name


def test_examples(both: Any, encode: Any) -> None:
    made, matrices, layer = both
    examples = tf.constant(encode([*made.rows[:50], {}, {"count": 3}]))
    _same(matrices.of_examples(examples), layer.of_examples(examples))
    assert matrices.label(examples).numpy().tolist() == layer.label(examples).numpy().tolist()


def test_columns(both: Any) -> None:
    _, matrices, layer = both
    columns = {
        "color": tf.constant([["red"], [""], ["never seen"]]),
        "grade": tf.constant([1, tf.int64.min, 77], tf.int64),
        "height": tf.constant([0.5, np.nan, np.inf], tf.float32),
        "count": tf.constant([2.4, np.nan, 1e6], tf.float32),  # an integer in the data
        "absent": tf.constant([np.nan], tf.float32),  # for all rows
        "minute": tf.constant([45.6, -3, np.nan], tf.float32),
    }
    _same(matrices.of_columns(columns, OPTIONAL), layer.of_columns(columns, OPTIONAL))


def test_rows_for_training(both: Any, tmp_path: Path) -> None:
    made, _, _ = both
    alone = tmp_path / "transform"
    shutil.copytree(made.folder / "transform", alone, ignore=shutil.ignore_patterns("matrices"))
    one, other = (
        read_columns([str(made.folder / "data*")], made.record_batches, made.schema, tft.TFTransformOutput(str(folder)))
        for folder in (made.folder / "transform", alone)
    )
    assert one.labels.tolist() == other.labels.tolist()
    assert one.features.keys() == other.features.keys()
    for name, matrix in one.features.items():
        assert matrix.dtype == other.features[name].dtype
        assert (matrix == other.features[name]).all()


def test_single_value_stands_for_all_rows_only_if_missing_and_optional() -> None:
    columns = {"a": tf.constant([1.0, 2.0]), "b": tf.constant([np.nan]), "c": tf.constant([""])}
    given = AlignedInputs(columns, ["b", "c"])
    assert given.rows.numpy() == 2
    assert given.columns()["c"].numpy().tolist() == [b"", b""]
    assert np.isnan(given.columns()["b"].numpy()).all()
    with pytest.raises(tf.errors.InvalidArgumentError, match="b: not as many rows"):
        AlignedInputs({**columns, "b": tf.constant([3.0])}, ["b", "c"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="b: not as many rows"):
        AlignedInputs(columns, ["c"])
