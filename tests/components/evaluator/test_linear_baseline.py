import numpy as np
import pyarrow as pa
import pytest

from components.evaluator.linear_baseline import encoder_of, fit_linear_baseline

FEATURES = {"categorical": ["c"], "numeric": ["n"], "cyclical": {"hour": 24.0}}


def test_encoding_worked_by_hand():
    learned = {
        "c": pa.array([b"x"] * 6 + [b"y"] * 5 + [b"rare", None]),
        "n": pa.array([1.0, 3.0] * 6 + [None]),
        "hour": pa.array([0] * 13),
    }
    encoder = encoder_of(learned, FEATURES)
    rows = {
        "c": pa.array([b"x", b"y", b"rare", b"never seen", None]),
        "n": pa.array([2.0, 3.0, None, float("nan"), 1e9]),
        "hour": pa.array([0, 6, 12, None, 24]),
    }
    found = encoder(rows)
    #              x  y  other missing | (n - 2) / 1, missing | sine, cosine, missing
    assert found == pytest.approx(
        np.array(
            [
                [1, 0, 0, 0, 0, 0, 0, 1, 0],
                [0, 1, 0, 0, 1, 0, 1, 0, 0],
                [0, 0, 1, 0, 0, 1, 0, -1, 0],
                [0, 0, 1, 0, 0, 1, 0, 0, 1],
                [0, 0, 0, 1, 10, 0, 0, 1, 0],
            ]
        ),
        abs=1e-6,
    )


def test_columns_without_any_value():
    rows = {"c": pa.nulls(4), "n": pa.nulls(4), "hour": pa.nulls(4)}
    encoder = encoder_of(rows, FEATURES)
    assert encoder(rows).tolist() == [[0, 1, 0, 1, 0, 0, 1]] * 4
    later = {"c": pa.array([b"new"]), "n": pa.array([3]), "hour": pa.array([6])}
    assert encoder(later)[0].tolist() == pytest.approx([1, 0, 3, 0, 1, 0, 0], abs=1e-6)


def test_linear_models_of_each_task():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(3000, 2)).astype(np.float32)
    slope = inputs @ np.array([1.0, -2.0])
    chance = 1 / (1 + np.exp(-slope))
    assert np.abs(fit_linear_baseline(inputs, random.random(3000) < chance, "binary")(inputs) - chance).mean() < 0.03
    assert np.abs(fit_linear_baseline(inputs, slope + 7, "regression")(inputs) - slope - 7).max() < 0.02
    classes = np.digitize(slope, [-1, 1]) + 1  # class 0 never occurs
    found = fit_linear_baseline(inputs, classes, "multiclass", classes=4)(inputs)
    assert found.shape == (3000, 4)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found[:, 0] == 0).all()
    assert (found.argmax(axis=1) == classes).mean() > 0.9


def test_single_class_has_no_model():
    assert fit_linear_baseline(np.zeros((5, 1), np.float32), np.ones(5), "binary") is None
