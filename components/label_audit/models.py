"""Quick classifiers and regressors for out-of-sample predictions."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from components.label_audit.encoding import Encoded, scaled
from components.label_audit.feature_screening import informative

Model = Literal["boosting", "forest", "neighbours", "logistic"]
MODELS: tuple[Model, ...] = ("boosting", "forest", "neighbours", "logistic")
NEIGHBOURS = 20

Fitted = Callable[[np.ndarray], np.ndarray]
"""Rows (indices) -> their probabilities, len(rows) x K, or predictions, len(rows)."""


def fit_classifier(
    kind: Model, encoded: Encoded, labels: np.ndarray, classes: int, training: np.ndarray, seed: int
) -> Fitted:
    """A classifier that learnt from the rows `training`.

    Args:
      kind: Which.
      encoded: All rows.
      labels: Codes in 0..classes-1, N.
      classes: K; a class that `training` lacks gets probability 0.
      training: Indices.
      seed: Of what is random in it.
    """
    features, encoded = _features(kind, encoded, labels, training)
    model = _classifier(kind, encoded, len(training), seed)
    model.fit(features[training], labels[training])

    def predict(rows: np.ndarray) -> np.ndarray:
        found = np.zeros((len(rows), classes))
        found[:, model.classes_] = model.predict_proba(features[rows])
        return found

    return predict


def fit_regressor(kind: Model, encoded: Encoded, labels: np.ndarray, training: np.ndarray, seed: int) -> Fitted:
    """A regressor that learnt from the rows `training`; see fit_classifier. `logistic` is a ridge regression."""
    features, encoded = _features(kind, encoded, labels, training)
    model = _regressor(kind, encoded, len(training), seed)
    model.fit(features[training], labels[training])
    return lambda rows: model.predict(features[rows])


def _features(kind: Model, encoded: Encoded, labels: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, Encoded]:
    """The matrix that a model of this kind takes, and the columns that it is of: boosting takes at most WIDE."""
    if kind == "boosting":
        chosen = informative(encoded, labels, training)
        if len(chosen) < encoded.matrix.shape[1]:
            encoded = Encoded(encoded.matrix[:, chosen], int((chosen < encoded.categorical).sum()), {})
        return encoded.matrix, encoded
    if kind == "forest":
        return _filled(encoded.matrix, training), encoded
    return scaled(encoded, training), encoded


def _classifier(kind: Model, encoded: Encoded, rows: int, seed: int) -> Any:
    if kind == "boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(max_iter=60, learning_rate=0.06, **_boosting(encoded, rows, seed))
    if kind == "forest":
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(100, min_samples_leaf=3, random_state=seed, n_jobs=1)
    if kind == "neighbours":
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(min(NEIGHBOURS, rows), n_jobs=1)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.1, max_iter=200)


def _regressor(kind: Model, encoded: Encoded, rows: int, seed: int) -> Any:
    if kind == "boosting":
        from sklearn.ensemble import HistGradientBoostingRegressor

        # The absolute error, so that a label off by a factor of ten does not pull the prediction towards itself.
        robust = _boosting(encoded, rows, seed)
        return HistGradientBoostingRegressor(loss="absolute_error", max_iter=150, learning_rate=0.1, **robust)
    if kind == "forest":
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(100, min_samples_leaf=3, random_state=seed, n_jobs=1)
    if kind == "neighbours":
        from sklearn.neighbors import KNeighborsRegressor

        return KNeighborsRegressor(min(NEIGHBOURS, rows), n_jobs=1)
    from sklearn.linear_model import Ridge

    return Ridge()


def _boosting(encoded: Encoded, rows: int, seed: int) -> dict[str, Any]:
    """Few small trees: more of them learn the wrong labels by heart (measured: benchmarks/label_noise.py)."""
    return {
        "max_leaf_nodes": 15,
        "min_samples_leaf": min(50, max(5, rows // 50)),
        "l2_regularization": 10.0,
        "categorical_features": list(range(encoded.categorical)) or None,
        "early_stopping": False,
        "random_state": seed,
    }


def _filled(matrix: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Missing values below all others: a value that a tree can split off."""
    low = np.nanmin(matrix[training], axis=0, initial=0.0) - 1
    return np.where(np.isnan(matrix), low, matrix)
