"""Out-of-sample predictions by cross-validation: no model judges a row that it, or a twin of it, was fitted to."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from components.label_audit.encoding import Encoded
from components.label_audit.grouped_folds import Folds
from components.label_audit.models import Fitted, Model, fit_classifier, fit_regressor

FITTED_BY_LIKELIHOOD: tuple[Model, ...] = ("boosting", "logistic")
"""Models whose probabilities need no calibration."""


def predicted_probabilities(
    encoded: Encoded, labels: np.ndarray, classes: int, folds: Folds, models: Sequence[Model], seed: int = 0
) -> np.ndarray:
    """Probability of each class for each row, N x K; rows sum to 1.

    Models whose probabilities are shares of votes are calibrated. Several models are averaged, and the average is
    calibrated again: what they agree on counts.

    Args:
      encoded: Rows.
      labels: Codes in 0..classes-1, N.
      classes: K.
      folds: Who learns from what.
      models: One or several.
      seed: Of what is random.
    """
    found = []
    for kind in models:
        fit = _classifiers(kind, encoded, labels, classes, folds, seed)
        probabilities = _crossed(folds, (len(labels), classes), fit)
        found.append(probabilities if kind in FITTED_BY_LIKELIHOOD else calibrated(probabilities, labels))
    return found[0] if len(found) == 1 else calibrated(np.mean(found, axis=0), labels)


def predicted_values(
    encoded: Encoded, labels: np.ndarray, folds: Folds, models: Sequence[Model], seed: int = 0
) -> np.ndarray:
    """Prediction of a regression label for each row, N: the mean of the models'."""
    found = [_crossed(folds, (len(labels),), _regressors(kind, encoded, labels, folds, seed)) for kind in models]
    return np.asarray(np.mean(found, axis=0))


def calibrated(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities raised to the power that makes the labels likeliest (temperature scaling, Guo et al., 2017).

    The labels are those given, wrong ones included: then a probability says how often a *given* label is of a class,
    which is what confident learning starts from.
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
    kind: Model, encoded: Encoded, labels: np.ndarray, classes: int, folds: Folds, seed: int
) -> Callable[[int], Fitted]:
    return lambda fold: fit_classifier(kind, encoded, labels, classes, folds.training(fold), seed)


def _regressors(kind: Model, encoded: Encoded, labels: np.ndarray, folds: Folds, seed: int) -> Callable[[int], Fitted]:
    return lambda fold: fit_regressor(kind, encoded, labels, folds.training(fold), seed)


def _crossed(folds: Folds, shape: tuple[int, ...], fit: Callable[[int], Fitted]) -> np.ndarray:
    """Each fold's model fitted and asked about the fold.

    A thread a core, and one library thread in each: where others use the cores, too, threads that work on one tree
    together wait for the slowest at every node.
    """
    import sklearn.ensemble  # noqa: F401 - a limit of threads reaches only libraries that are loaded

    found = np.zeros(shape)

    def work(fold: int) -> None:
        rows = folds.judged(fold)
        if len(rows):
            with threadpool_limits(1):
                found[rows] = fit(fold)(rows)

    with ThreadPoolExecutor(max_workers=min(folds.count, cores())) as pool:
        list(pool.map(work, range(folds.count)))
    return found


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
