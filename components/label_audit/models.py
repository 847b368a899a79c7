"""Classifiers and regressors of the label audit, chosen for speed and robustness against label noise."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from components.label_audit.encoding import EncodedFeatures, scaled
from components.label_audit.feature_screening import informative

Model = Literal["boosting", "forest", "neighbours", "logistic"]
MODELS: tuple[Model, ...] = ("boosting", "forest", "neighbours", "logistic")
NEIGHBOURS = 20
"""k of k-nearest neighbours."""

Fitted = Callable[[np.ndarray], np.ndarray]
"""Indices of R rows -> their probabilities [R, K], or predictions [R]."""


def fit_classifier(
    kind: Model, encoded: EncodedFeatures, labels: np.ndarray, classes: int, training: np.ndarray, seed: int
) -> Fitted:
    """Fits a classifier.

    Args:
      kind: The model.
      encoded: Features of all N rows.
      labels: Class codes in 0..classes-1, [N].
      classes: K, the number of classes. Classes without training rows get probability 0.
      training: Indices of the training rows.
      seed: Random seed of the model.

    Returns:
      A function that predicts the probabilities of rows.
    """
    features, encoded = _features(kind, encoded, labels, training)
    model = _classifier(kind, encoded, len(training), seed)
    model.fit(features[training], labels[training])

    def predict(rows: np.ndarray) -> np.ndarray:
        found = np.zeros((len(rows), classes))
        found[:, model.classes_] = model.predict_proba(features[rows])
        return found

    return predict


def fit_regressor(kind: Model, encoded: EncodedFeatures, labels: np.ndarray, training: np.ndarray, seed: int) -> Fitted:
    """Fits a regressor.

    Args:
      kind: The model; "logistic" stands for ridge regression.
      encoded: Features of all N rows.
      labels: Numbers, [N].
      training: Indices of the training rows.
      seed: Random seed of the model.

    Returns:
      A function that predicts rows.
    """
    features, encoded = _features(kind, encoded, labels, training)
    model = _regressor(kind, encoded, len(training), seed)
    model.fit(features[training], labels[training])
    return lambda rows: model.predict(features[rows])


def _features(
    kind: Model, encoded: EncodedFeatures, labels: np.ndarray, training: np.ndarray
) -> tuple[np.ndarray, EncodedFeatures]:
    """Feature matrix of a model and the columns it was made from; boosting uses at most WIDE of them."""
    if kind == "boosting":
        chosen = informative(encoded, labels, training)
        if len(chosen) < encoded.matrix.shape[1]:
            encoded = EncodedFeatures(encoded.matrix[:, chosen], int((chosen < encoded.categorical).sum()), {})
        return encoded.matrix, encoded
    if kind == "forest":
        return _filled(encoded.matrix, training), encoded
    return scaled(encoded, training), encoded


def _classifier(kind: Model, encoded: EncodedFeatures, rows: int, seed: int) -> Any:
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


def _regressor(kind: Model, encoded: EncodedFeatures, rows: int, seed: int) -> Any:
    if kind == "boosting":
        from sklearn.ensemble import HistGradientBoostingRegressor

        # Absolute error is robust: a label that is wrong by a factor of ten hardly changes the prediction.
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


def _boosting(encoded: EncodedFeatures, rows: int, seed: int) -> dict[str, Any]:
    """Hyperparameters for few small trees; larger ensembles overfit wrong labels (benchmarks/label_noise.py)."""
    return {
        "max_leaf_nodes": 15,
        "min_samples_leaf": min(50, max(5, rows // 50)),
        "l2_regularization": 10.0,
        "categorical_features": list(range(encoded.categorical)) or None,
        "early_stopping": False,
        "random_state": seed,
    }


def _filled(matrix: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Imputes missing values by a value below all others, so that a tree can split them off."""
    low = np.nanmin(matrix[training], axis=0, initial=0.0) - 1
    return np.where(np.isnan(matrix), low, matrix)
