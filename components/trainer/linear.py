"""The linear model: logistic, multinomial logistic or ridge regression on the transformed matrices, by scikit-learn.

Inputs are one-hot categories, standardised numbers (so that the model can extrapolate), sine and cosine of cyclical
columns, and missing indicators. The fitted model has one weight for each category id and each dense column; its graph
needs one gather and one matrix product.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.trainer.training_columns import TrainingColumns

DENSE = ("standardized", "cyclical", "missing")
"""Matrices whose columns are inputs without further encoding; matrices that the preprocessing lacks are skipped.

Without `standardized`, the quantile ranks of `numeric` are used. Never both: a number and its rank are nearly
collinear, so their weights could be large and of opposite sign, and the prediction would diverge beyond the training
range, where the rank is constant.
"""
MAX_ROWS = 100_000
"""Maximum training rows; more are sampled down, because the few weights are then estimated precisely enough."""
SPARSE_FROM = 200
"""Number of categories from which the one-hot inputs are a sparse matrix."""
ITERATIONS, TOLERANCE = 100, 1e-4


@dataclass(frozen=True)
class LinearWeights:
    """A fitted linear model of K outputs.

    Attributes:
      by_id: Float32 [ids, K], 0 for an id without a weight; empty without categorical columns.
      dense: Float32 [D, K], weights of the concatenated columns of `matrices`.
      intercept: Float32 [K].
      matrices: Names of the dense matrices that the model reads, a subset of DENSE or `numeric`.
    """

    by_id: np.ndarray
    dense: np.ndarray
    intercept: np.ndarray
    matrices: tuple[str, ...]

    def raw(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns raw scores [N, K] of transformed matrices: logits, or values of the standardised label."""
        found = np.broadcast_to(self.intercept, (_rows(features), len(self.intercept))).astype(np.float64)
        if len(self.by_id):
            for column in features["categorical"].T:
                found = found + self.by_id[column]
        for name, weights in self._parts(features):
            found = found + features[name] @ weights
        return np.asarray(found)

    def _parts(self, features: Mapping[str, Any]) -> list[tuple[str, np.ndarray]]:
        ends = np.cumsum([features[name].shape[1] for name in self.matrices])[:-1]
        return list(zip(self.matrices, np.split(self.dense, ends), strict=True))


class Linear(tf.Module):
    """LinearWeights as a TensorFlow graph."""

    def __init__(self, weights: LinearWeights) -> None:
        super().__init__()
        self.matrices = weights.matrices
        self._has_ids = bool(len(weights.by_id))
        self._by_id, self._dense, self._intercept = (
            tf.Variable(value, trainable=False) for value in (weights.by_id, weights.dense, weights.intercept)
        )

    def __call__(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns raw scores, float32 [N, K]."""
        found = self._intercept[None, :]
        if self._has_ids:
            found += tf.reduce_sum(tf.gather(self._by_id, features["categorical"]), axis=1)
        if self.matrices:
            found += tf.concat([features[name] for name in self.matrices], axis=1) @ self._dense
        return found


def fit_linear(
    rows: TrainingColumns, task: str, classes: int, ids: int, seed: int, weights: np.ndarray | None = None
) -> LinearWeights | None:
    """Fits the linear model.

    Args:
      rows: Transformed rows; labels of a regression are standardised.
      task: binary, multiclass or regression.
      classes: Number of classes K of a multiclass label.
      ids: Size of the joint vocabulary.
      seed: Seed of the row sample, used if there are more than MAX_ROWS rows.
      weights: Sample weights, [N]; None for unweighted rows.

    Returns:
      The weights; None if there is nothing to fit: no column, or labels of a single class.
    """
    if len(rows) > MAX_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(rows), MAX_ROWS, replace=False))
        rows, weights = rows.taken(chosen), None if weights is None else weights[chosen]
    kept = _ids_in(rows, ids)
    wanted = DENSE if DENSE[0] in rows.features else ("numeric", *DENSE[1:])
    matrices = tuple(name for name in wanted if name in rows.features)
    inputs, used = _inputs(rows.features, kept, matrices)
    if not inputs.shape[1] or (task != "regression" and len(np.unique(rows.labels)) < 2):
        return None
    coefficients, intercept = _fitted(inputs, rows.labels, task, classes, weights)
    by_id = np.zeros((ids if len(kept) else 0, coefficients.shape[1]), np.float32)
    by_id[kept] = coefficients[: len(kept)]
    dense = np.zeros((len(used), coefficients.shape[1]), np.float32)
    dense[used] = coefficients[len(kept) :]
    return LinearWeights(by_id, dense, intercept.astype(np.float32), matrices)


def _ids_in(rows: TrainingColumns, ids: int) -> np.ndarray:
    """Ids that occur in the rows; the L2 penalty keeps the weights of rare ids small."""
    if "categorical" not in rows.features:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.bincount(rows.features["categorical"].reshape(-1), minlength=ids))


def _inputs(features: Mapping[str, np.ndarray], kept: np.ndarray, matrices: tuple[str, ...]) -> tuple[Any, np.ndarray]:
    """Inputs [N, categories + dense columns] without constant columns; and which dense columns were kept, bool [D]."""
    from scipy import sparse

    parts = [np.asarray(features[name], np.float32) for name in matrices]
    dense = np.concatenate(parts, axis=1) if parts else np.empty((_rows(features), 0), np.float32)
    used = np.ptp(dense, axis=0) > 0 if len(dense) else np.zeros(dense.shape[1], bool)
    dense = dense[:, used]
    if not len(kept):
        return dense, used
    codes = features["categorical"]
    place = np.full(int(max(codes.max(), kept.max())) + 1, -1)
    place[kept] = np.arange(len(kept))
    at = place[codes]
    row = np.repeat(np.arange(len(at)), at.shape[1]).reshape(at.shape)
    there = at >= 0
    hot = sparse.csr_matrix(
        (np.ones(int(there.sum()), np.float32), (row[there], at[there])), shape=(len(at), len(kept))
    )
    if len(kept) < SPARSE_FROM:
        return np.concatenate([hot.toarray(), dense], axis=1), used
    return sparse.hstack([hot, sparse.csr_matrix(dense)]).tocsr(), used


def _fitted(
    inputs: Any, labels: np.ndarray, task: str, classes: int, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [inputs, K] and intercepts [K]."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    if task == "regression":
        solver = "cholesky" if isinstance(inputs, np.ndarray) else "sparse_cg"
        if solver == "cholesky":
            inputs = inputs.astype(np.float64)
        line = Ridge(alpha=1.0, solver=solver, tol=TOLERANCE).fit(inputs, labels, sample_weight=weights)
        return line.coef_[:, None], np.array([line.intercept_])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nearly converged weights predict as well
        warnings.simplefilter("ignore", DeprecationWarning)  # raised by SciPy for a call in scikit-learn
        model = LogisticRegression(C=1.0, max_iter=ITERATIONS, tol=TOLERANCE).fit(
            inputs, labels.astype(np.int64), sample_weight=weights
        )
    if task == "binary":
        return model.coef_.T, model.intercept_
    coefficients = np.zeros((inputs.shape[1], classes))
    intercept = np.full(classes, _NEVER)  # a class without rows
    if len(model.classes_) == 2:  # scikit-learn then has only the weights of the second class
        coefficients[:, model.classes_[1]], intercept[model.classes_] = model.coef_[0], [0.0, model.intercept_[0]]
        return coefficients, intercept
    coefficients[:, model.classes_], intercept[model.classes_] = model.coef_.T, model.intercept_
    return coefficients, intercept


_NEVER = -16.0
"""Logit of a class without training rows."""


def _rows(features: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(features.values())))
