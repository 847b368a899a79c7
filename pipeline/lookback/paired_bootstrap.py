"""How sure a difference between two models is that were judged on the same rows: a paired bootstrap. Pure.

Rows are drawn with replacement, the same ones for both models, and the difference of each metric is taken anew; the
middle 95 % of these differences are the interval (percentile bootstrap: B. Efron and R. J. Tibshirani, An Introduction
to the Bootstrap, 1993, chapters 13 and 16). Both models meet the same easy and hard rows, so the interval is narrower
than what their two separate intervals would say. It speaks of the chance of which rows are in the eval split, not of
the chance in training: another seed makes another model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95
SEED = 13
MIN_ROWS = 30
"""Fewer rows in a slice say nothing about it."""
MOST_UNKNOWN = 0.05
"""Share of the draws in which a metric may be unknown (a single class drawn) before its interval is."""
CLIP = 1e-7
"""Probabilities are kept away from 0 and 1 by that much, as Keras and TFMA do, before their logarithm is taken."""


@dataclass(frozen=True)
class Interval:
    """A metric of two models on the same rows; `delta` is after less before.

    `low` and `high` bound the middle 95 % of the resampled differences; None where that cannot be told.
    """

    before: float
    after: float
    delta: float
    low: float | None
    high: float | None

    @property
    def certain(self) -> bool:
        """Whether 0 lies outside."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class Judge(Protocol):
    """One model's answers to N rows, ready to be weighed."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of its metrics."""

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Metrics in the order of `names`, with each row counted `weights` times, [N]; NaN where it cannot be told."""

    def among(self, rows: np.ndarray) -> "Judge":
        """The same for some of the rows, by index."""


class Binary:
    """AUC, average precision, F1, accuracy and log loss, as scikit-learn defines them with sample_weight.

    Args:
      labels: 0 or 1, [N].
      probability: Of class 1, [N].
      threshold: F1 is of "1 above that probability"; accuracy takes 0.5, as the evaluator does.
    """

    names = ("auc", "average_precision", "f1", "accuracy", "log_loss")

    def __init__(self, labels: np.ndarray, probability: np.ndarray, threshold: float = 0.5) -> None:
        self._given = (labels, probability, threshold)
        self._order = np.argsort(-probability, kind="stable")
        ranked = probability[self._order]
        self._ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # equal scores share one point
        self._positive = labels[self._order].astype(np.float64)
        p, y = np.clip(probability.astype(np.float64), CLIP, 1 - CLIP), labels > 0.5
        said = probability > threshold
        loss = -np.where(y, np.log(p), np.log1p(-p))
        self._sums = np.column_stack([said & y, said, y, (probability > 0.5) == y, loss]).astype(np.float64)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """See Judge."""
        drawn = weights[self._order]
        tp = np.cumsum(drawn * self._positive)[self._ends]
        both = np.cumsum(drawn)[self._ends]
        fp = both - tp
        positives, negatives = tp[-1], fp[-1]
        hits, said, there, right, loss = weights @ self._sums
        with np.errstate(invalid="ignore", divide="ignore"):
            area = np.sum(np.diff(fp, prepend=0.0) * (tp + np.append(0.0, tp[:-1]))) / 2
            precision = np.where(both > 0, tp / both, 0.0)
            found = [
                area / (positives * negatives),
                np.sum(np.diff(tp, prepend=0.0) * precision) / positives,
                2 * hits / (said + there) if hits else 0.0,
                right / both[-1],
                loss / both[-1],
            ]
        return np.asarray(found, np.float64)

    def among(self, rows: np.ndarray) -> "Binary":
        """See Judge."""
        labels, probability, threshold = self._given
        return Binary(labels[rows], probability[rows], threshold)


class Means:
    """Metrics that are a mean over rows, such as accuracy and log loss; those in `roots` are the root of one.

    Args:
      values: Metric -> its value of each row, [N].
      roots: Metrics of which the square root is taken, such as rmse.
    """

    def __init__(self, values: Mapping[str, np.ndarray], roots: frozenset[str] = frozenset()) -> None:
        self.names = tuple(values)
        self._roots = roots
        self._values = np.column_stack([np.asarray(one, np.float64) for one in values.values()])

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """See Judge."""
        means = weights @ self._values / weights.sum() if weights.sum() else np.full(len(self.names), np.nan)
        return np.where([name in self._roots for name in self.names], np.sqrt(np.abs(means)), means)

    def among(self, rows: np.ndarray) -> "Means":
        """See Judge."""
        return Means(dict(zip(self.names, self._values[rows].T, strict=True)), self._roots)


def multiclass(labels: np.ndarray, probabilities: np.ndarray) -> Means:
    """Accuracy and log loss of codes [N] in 0..K-1 and probabilities [N, K]."""
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    return Means({"accuracy": right, "log_loss": -np.log(np.clip(given, CLIP, 1 - CLIP))})


def regression(labels: np.ndarray, predictions: np.ndarray) -> Means:
    """RMSE and MAE of numbers, both [N]."""
    error = predictions.astype(np.float64) - labels
    return Means({"rmse": error**2, "mae": np.abs(error)}, roots=frozenset({"rmse"}))


def paired_intervals(
    before: Judge,
    after: Judge,
    rows: int,
    slices: Mapping[str, np.ndarray] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, dict[str, Interval]]:
    """Intervals of the differences between two models.

    Args:
      before: Of one model.
      after: Of the other, on the same rows.
      rows: N, at least 1.
      slices: Name -> rows of it, by index; those with fewer than MIN_ROWS are left out.
      resamples: How often rows are drawn.
      seed: Of the draws: the same interval every time.

    Returns:
      Slice ("" is all rows) -> metric -> interval; a metric that cannot be told is left out.
    """
    parts = {"": np.arange(rows), **{name: at for name, at in (slices or {}).items() if len(at) >= MIN_ROWS}}
    judges = {name: (before.among(at), after.among(at)) for name, at in parts.items()}
    draws = {name: np.empty((resamples, len(before.names))) for name in parts}
    random = np.random.default_rng(seed)
    for number in range(resamples):
        weights = np.bincount(random.integers(0, rows, rows), minlength=rows).astype(np.float64)
        for name, (one, other) in judges.items():
            drawn = weights[parts[name]]
            draws[name][number] = other(drawn) - one(drawn)
    return {
        name: _intervals(before.names, one(np.ones(len(parts[name]))), other(np.ones(len(parts[name]))), draws[name])
        for name, (one, other) in judges.items()
    }


def _intervals(names: tuple[str, ...], was: np.ndarray, now: np.ndarray, draws: np.ndarray) -> dict[str, Interval]:
    found = {}
    for at, name in enumerate(names):
        if not np.isfinite(was[at]) or not np.isfinite(now[at]):
            continue
        known = draws[np.isfinite(draws[:, at]), at]
        low = high = None
        if len(known) and len(known) >= (1 - MOST_UNKNOWN) * len(draws):
            low, high = (float(end) for end in np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
        found[name] = Interval(float(was[at]), float(now[at]), float(now[at] - was[at]), low, high)
    return found
