"""Metrics of a model's answers to N rows, each row counted as often as a weight says: what a bootstrap asks. Pure."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

CLIP = 1e-7
"""Probabilities are kept away from 0 and 1 by that much, as Keras and TFMA do, before their logarithm is taken."""


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

    names: tuple[str, ...] = ("auc", "average_precision", "f1", "accuracy", "log_loss")

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
        return type(self)(labels[rows], probability[rows], threshold)


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


class Decisions(Binary):
    """`Binary`, and precision and recall of "1 above the threshold"; 0 where nothing is called 1 and right."""

    names = (*Binary.names, "precision", "recall")

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """See Judge."""
        hits, said, there = weights @ self._sums[:, :3]
        both = [hits / said, hits / there] if hits else [0.0, 0.0]
        return np.append(super().__call__(weights), both)


def calibration_error(labels: np.ndarray, probability: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over bins of equal mass: sum over bins of n_b / N |mean probability - share right|.

    Bins of equal mass as in J. Nixon et al., Measuring Calibration in Deep Learning, 2019; rows of equal probability
    are never parted, so there may be fewer bins.

    Args:
      labels: 0 or 1, [N]; for several classes, whether the likeliest is right.
      probability: Of 1, [N]; for several classes, of the likeliest.
      bins: At most that many.

    Returns:
      In [0, 1], 0 = calibrated; NaN without rows.
    """
    if not len(labels):
        return float("nan")
    said = probability.astype(np.float64)
    edges = np.unique(np.quantile(said, np.arange(1, bins) / bins, method="inverted_cdf"))
    place = np.searchsorted(edges, said)  # a bin ends with its edge
    gaps = np.bincount(place, weights=said - labels, minlength=len(edges) + 1)
    return float(np.abs(gaps).sum() / len(labels))
