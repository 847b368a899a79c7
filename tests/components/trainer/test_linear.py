"""The linear model equals scikit-learn's, in NumPy and in the graph."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression, Ridge

from components.trainer import linear
from components.trainer.linear import Linear, fit_linear
from components.trainer.training_columns import TrainingColumns


def _rows(count: int, task: str, categories: int = 4) -> TrainingColumns:
    draw = np.random.default_rng(3)
    numeric = draw.normal(size=(count, 2)).astype(np.float32)
    categorical = draw.integers(0, categories, (count, 1)).astype(np.int32)
    score = numeric[:, 0] - (categorical[:, 0] % 3 == 1) + draw.normal(size=count)
    labels = {
        "binary": (score > 0).astype(np.float32),
        "multiclass": np.digitize(score, [-1, 1]).astype(np.int32),
        "regression": score.astype(np.float32),
    }[task]
    features = {"categorical": categorical, "numeric": numeric, "missing": np.zeros((count, 2), np.float32)}
    return TrainingColumns(features, labels)


def _expected(rows: TrainingColumns, task: str, categories: int) -> np.ndarray:
    inputs = np.hstack([np.eye(categories)[rows.features["categorical"][:, 0]], rows.features["numeric"]])
    if task == "regression":
        return Ridge(alpha=1.0).fit(inputs, rows.labels).predict(inputs)[:, None]
    model = LogisticRegression(max_iter=3000, tol=1e-7).fit(inputs, rows.labels)
    return model.decision_function(inputs).reshape(len(rows), -1)


@pytest.mark.parametrize("categories", [4, 300])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_parity_with_scikit_learn(task: str, categories: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After convergence; training stops earlier."""
    monkeypatch.setattr(linear, "TOLERANCE", 1e-7)
    monkeypatch.setattr(linear, "ITERATIONS", 3000)
    rows = _rows(6000, task, categories)
    found = fit_linear(rows, task, 3, categories, seed=1)
    assert found is not None
    raw, expected = found.raw(rows.features), _expected(rows, task, categories)
    if task == "multiclass":
        raw, expected = log_softmax(raw, axis=1), log_softmax(expected, axis=1)
    assert raw == pytest.approx(expected, abs=0.02)
    in_graph = Linear(found)({name: tf.constant(matrix) for name, matrix in rows.features.items()}).numpy()
    assert in_graph == pytest.approx(found.raw(rows.features), abs=1e-4)


def test_rare_categories_have_a_penalised_weight_and_constant_columns_none() -> None:
    rows = _rows(400, "binary", 4)
    rows.features["categorical"][:2] = 4
    rows.features["missing"][:, 1] = 1
    found = fit_linear(rows, "binary", 0, 6, seed=1)
    assert found is not None
    # At the minimum of log loss plus L2 penalty (C = 1) the weight is the sum of its two rows' residuals.
    chance = 1 / (1 + np.exp(-found.raw({name: matrix[:2] for name, matrix in rows.features.items()})[:, 0]))
    columns = rows.features["categorical"].shape[1]
    assert found.by_id[4, 0] == pytest.approx(columns * (rows.labels[:2] - chance).sum(), abs=0.02)
    assert found.by_id[5].tolist() == [0.0]
    assert found.dense.shape == (4, 1)
    assert found.dense[2:].tolist() == [[0.0], [0.0]]


def test_class_without_rows_has_a_probability_near_0() -> None:
    rows = _rows(400, "multiclass")
    found = fit_linear(rows, "multiclass", 5, 4, seed=1)
    assert found is not None
    assert log_softmax(found.raw(rows.features), axis=1)[:, 3:].max() < -10
    two = TrainingColumns(rows.features, np.where(rows.labels == 1, 3, 0).astype(np.int32))
    of_two = fit_linear(two, "multiclass", 5, 4, seed=1)
    assert of_two is not None
    chance = log_softmax(of_two.raw(rows.features), axis=1)
    assert chance[:, [1, 2, 4]].max() < -10
    assert (chance[:, 3] > chance[:, 0])[two.labels == 3].mean() > 0.5


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_single_class_has_no_model(task: str) -> None:
    rows: Any = _rows(50, task)
    assert fit_linear(TrainingColumns(rows.features, np.zeros_like(rows.labels)), task, 3, 4, seed=1) is None
