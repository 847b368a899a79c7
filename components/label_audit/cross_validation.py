"""Out-of-sample predictions by grouped cross-validation; duplicates of a row are in the same fold."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from components.label_audit.encoding import EncodedFeatures
from components.label_audit.grouped_folds import Folds
from components.label_audit.models import Fitted, Model, fit_classifier, fit_regressor
from components.shared.progress import report_progress

FITTED_BY_LIKELIHOOD: tuple[Model, ...] = ("boosting", "logistic")
"""Models that are fitted by maximum likelihood, so that their probabilities need no calibration."""


def predicted_probabilities(
    encoded: EncodedFeatures, labels: np.ndarray, classes: int, folds: Folds, models: Sequence[Model], seed: int = 0
) -> np.ndarray:
    """Predicts class probabilities of every row out of sample.

    Forests and nearest neighbours, whose probabilities are vote shares, are calibrated. The probabilities of several
    models are averaged and calibrated again, because a mean is underconfident.

    Args:
      encoded: Features of N rows.
      labels: Class codes in 0..classes-1, [N].
      classes: K, the number of classes.
      folds: Training and test rows of each fold.
      models: One model or several.
      seed: Random seed of the models.

    Returns:
      Probabilities [N, K]; rows sum to 1.
    """
    found = []
    for kind in models:
        fit = _classifiers(kind, encoded, labels, classes, folds, seed)
        probabilities = _crossed(kind, folds, (len(labels), classes), fit)
        found.append(probabilities if kind in FITTED_BY_LIKELIHOOD else calibrate(probabilities, labels))
    return found[0] if len(found) == 1 else calibrate(np.mean(found, axis=0), labels)


def predicted_values(
    encoded: EncodedFeatures, labels: np.ndarray, folds: Folds, models: Sequence[Model], seed: int = 0
) -> np.ndarray:
    """Predicts a regression label out of sample; the mean over the models.

    Args:
      encoded: Features of N rows.
      labels: Numbers, [N].
      folds: Training and test rows of each fold.
      models: One model or several.
      seed: Random seed of the models.

    Returns:
      Predictions [N].
    """
    found = [_crossed(kind, folds, (len(labels),), _regressors(kind, encoded, labels, folds, seed)) for kind in models]
    return np.asarray(np.mean(found, axis=0))


def calibrate(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Calibrates probabilities by temperature scaling (Guo et al., 2017): the power that maximises the likelihood.

    The likelihood is that of the given labels, including wrong ones. Confident learning needs probabilities of the
    *given* label.

    Args:
      probabilities: Probabilities [N, K].
      labels: Class codes of the given labels, [N].

    Returns:
      Calibrated probabilities [N, K]; rows sum to 1.
    """
    from scipy.optimize import minimize_scalar

    logs = np.log(np.clip(probabilities, 1e-4, 1.0)).astype(np.float32)
    if not len(labels):
        return probabilities

    def loss(power: float) -> float:
        scores = np.exp(power) * logs
        top = scores.max(axis=1)
        total = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
        return float((total - scores[np.arange(len(labels)), labels]).mean(dtype=np.float64))

    power = np.exp(minimize_scalar(loss, bounds=(-2.0, 3.0), method="bounded", options={"xatol": 0.01}).x)
    scores = power * logs.astype(np.float64)
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def _classifiers(
    kind: Model, encoded: EncodedFeatures, labels: np.ndarray, classes: int, folds: Folds, seed: int
) -> Callable[[int], Fitted]:
    return lambda fold: fit_classifier(kind, encoded, labels, classes, folds.train_rows(fold), seed)


def _regressors(
    kind: Model, encoded: EncodedFeatures, labels: np.ndarray, folds: Folds, seed: int
) -> Callable[[int], Fitted]:
    return lambda fold: fit_regressor(kind, encoded, labels, folds.train_rows(fold), seed)


def _crossed(name: str, folds: Folds, shape: tuple[int, ...], fit: Callable[[int], Fitted]) -> np.ndarray:
    """Fits the model of each fold and predicts the rows of the fold.

    Folds run in parallel, each with one library thread. Several threads on one tree would synchronise at every node,
    which is slow on a busy machine.
    """
    import sklearn.ensemble  # noqa: F401 - threadpool_limits applies to loaded libraries only

    found = np.zeros(shape)

    def work(fold: int) -> None:
        rows = folds.test_rows(fold)
        if len(rows):
            with threadpool_limits(1):
                found[rows] = fit(fold)(rows)

    report_progress(f"{name}: 0 of {folds.count} folds", 0, folds.count)
    with ThreadPoolExecutor(max_workers=min(folds.count, cpu_cores())) as pool:
        for done, _ in enumerate(pool.map(work, range(folds.count)), 1):
            report_progress(f"{name}: {done} of {folds.count} folds", done, folds.count)
    report_progress("")
    return found


def cpu_cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
