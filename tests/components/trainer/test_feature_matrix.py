"""The feature matrix for trees, worked by hand."""

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.feature_matrix import MAX_CODES, FeatureMatrix


def test_by_hand() -> None:
    # Two categorical columns: ids 0 and 1 are missing, 2 and 3 rare, from 4 the vocabulary.
    features = {
        "categorical": np.array([[4, 5], [4, 1], [6, 5], [2, 3], [0, 7]], np.int32),
        "numeric": np.array([[-1.0], [0.5], [0.0], [0.0], [1.0]], np.float32),
        "cyclical": np.array([[0, 1], [1, 0], [0, -1], [-1, 0], [0, 0]], np.float32),
        "missing": np.array([[0, 0], [0, 0], [0, 0], [1, 0], [0, 1]], np.float32),
    }
    table = FeatureMatrix(features, ids=9)
    assert table.categorical == 2
    nan = np.nan
    # Codes by frequency, ties by id, and 0 for rare values; a quarter turn is 0.25.
    expected = [
        [1, 1, -1.0, 0.0],
        [1, nan, 0.5, 0.25],
        [2, 1, 0.0, 0.5],
        [0, 0, nan, 0.75],
        [nan, 2, 1.0, nan],
    ]
    found = table({name: tf.constant(matrix) for name, matrix in features.items()}).numpy()
    assert found == pytest.approx(np.array(expected, np.float32), abs=1e-6, nan_ok=True)
    unseen = features | {"categorical": np.full((5, 2), 8, np.int32)}
    assert (table({name: tf.constant(matrix) for name, matrix in unseen.items()}).numpy()[:, :2] == 0).all()


def test_only_frequent_categories_have_a_code() -> None:
    ids = np.repeat(np.arange(400), np.arange(400, 0, -1)) + 2
    table = FeatureMatrix({"categorical": ids[:, None].astype(np.int32)}, ids=402)
    codes = table({"categorical": tf.constant(np.arange(2, 402)[:, None])}).numpy()[:, 0]
    assert sorted(set(codes.tolist())) == list(range(MAX_CODES))
    assert (codes[: MAX_CODES - 1] > 0).all()
    assert (codes[MAX_CODES - 1 :] == 0).all()


def test_numbers_alone() -> None:
    features = {"numeric": np.array([[0.25]], np.float32), "missing": np.array([[0.0]], np.float32)}
    table = FeatureMatrix(features, ids=0)
    assert table({name: tf.constant(matrix) for name, matrix in features.items()}).numpy().tolist() == [[0.25]]
    assert table.categorical == 0
