"""Metrics of a model's predictions for N weighted rows, as the bootstrap needs them.

Weights are [N], or [N, R] for R bootstrap samples at once. Ties follow shared/serving/serving_contract.py.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from components.shared.serving.serving_contract import decides, likeliest

CLIP = 1e-7
"""Probabilities are clipped to [CLIP, 1 - CLIP] before their logarithm is taken, as in Keras and TFMA."""
BLOCK = 1 << 21
"""Maximum weights that are processed at a time, to bound memory."""


class WeightedMetrics(Protocol):
    """Computes metrics of one model's predictions for N rows with given weights."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the metrics."""

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Computes the metrics with each row counted `weights` times.

        Args:
          weights: [N], or [N, R] for R samples; the latter are integers, whose sums are exact in float32 below 2^24.

        Returns:
          Metrics in the order of `names`, [metrics] or [R, metrics]; NaN where undefined.
        """

    def among(self, rows: np.ndarray) -> "WeightedMetrics":
        """Returns the metric calculator for some of the rows, by index."""


class BinaryMetrics:
    """AUC, average precision, F1, accuracy and log loss, as scikit-learn defines them with sample_weight.

    Args:
      labels: 0 or 1, [N].
      probability: Probability of class 1, [N].
      threshold: Decision threshold of F1; accuracy uses 0.5, as in TFMA.
    """

    names: tuple[str, ...] = ("auc", "average_precision", "f1", "accuracy", "log_loss")

    def __init__(self, labels: np.ndarray, probability: np.ndarray, threshold: float = 0.5) -> None:
        self._given = (labels, probability, threshold)
        y = labels > 0.5
        p = np.clip(probability.astype(np.float64), CLIP, 1 - CLIP)
        predicted = decides(probability, threshold)
        loss = -np.where(y, np.log(p), np.log1p(-p))
        counted = [predicted & y, predicted, y, decides(probability, 0.5) == y, loss, np.ones(len(y))]
        self._sums = _sparse(np.array(counted, np.float64))
        self._ranks = _Ranks(y, probability)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """See Judge."""
        return _in_blocks(self._weigh, weights, len(self.names))

    def _weigh(self, weights: np.ndarray) -> np.ndarray:
        """Metrics [R, metrics] for weights [N, R]."""
        hits, predicted, there, right, loss, rows = (self._sums @ weights).astype(np.float64)
        area, precision = self._ranks(weights, rows - there)
        with np.errstate(invalid="ignore", divide="ignore"):
            f1 = np.where(hits > 0, 2 * hits / (predicted + there), 0.0)
            found = [area / (there * (rows - there)), precision / there, f1, right / rows, loss / rows]
        return np.stack(found, axis=1)

    def among(self, rows: np.ndarray) -> "BinaryMetrics":
        """See Judge."""
        labels, probability, threshold = self._given
        return type(self)(labels[rows], probability[rows], threshold)


class MeanMetrics:
    """Metrics that are a mean over rows, such as accuracy and log loss, or the square root of one.

    Args:
      values: Metric -> its value for each row, [N].
      roots: Metrics of which the square root is taken, such as rmse.
    """

    def __init__(self, values: Mapping[str, np.ndarray], roots: frozenset[str] = frozenset()) -> None:
        self.names = tuple(values)
        self._roots = roots
        self._values = np.array([np.asarray(one, np.float64) for one in values.values()])
        self._sums = _sparse(np.vstack([self._values, np.ones((1, self._values.shape[1]))]))

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """See Judge."""
        return _in_blocks(self._weigh, weights, len(self.names))

    def _weigh(self, weights: np.ndarray) -> np.ndarray:
        """Metrics [R, metrics] for weights [N, R]."""
        with np.errstate(invalid="ignore", divide="ignore"):
            *sums, rows = (self._sums @ weights).astype(np.float64)
            means = np.stack(sums, axis=1) / rows[:, None]
            return np.where([name in self._roots for name in self.names], np.sqrt(np.abs(means)), means)

    def among(self, rows: np.ndarray) -> "MeanMetrics":
        """See Judge."""
        return MeanMetrics(dict(zip(self.names, self._values[:, rows], strict=True)), self._roots)


def multiclass_metrics(labels: np.ndarray, probabilities: np.ndarray) -> MeanMetrics:
    """Returns accuracy and log loss for class codes [N] in 0..K-1 and probabilities [N, K]."""
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    right = likeliest(probabilities) == labels
    return MeanMetrics({"accuracy": right, "log_loss": -np.log(np.clip(given, CLIP, 1 - CLIP))})


def regression_metrics(labels: np.ndarray, predictions: np.ndarray) -> MeanMetrics:
    """Returns RMSE and MAE for labels and predictions, both [N]."""
    error = predictions.astype(np.float64) - labels
    return MeanMetrics({"rmse": error**2, "mae": np.abs(error)}, roots=frozenset({"rmse"}))


class ThresholdMetrics(BinaryMetrics):
    """`BinaryMetrics`, and precision and recall at the decision threshold; 0 if there is no true positive."""

    names = (*BinaryMetrics.names, "precision", "recall")

    def _weigh(self, weights: np.ndarray) -> np.ndarray:
        """Metrics [R, metrics] for weights [N, R]."""
        hits, predicted, there = (self._sums[:3] @ weights).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            both = [np.where(hits > 0, hits / whole, 0.0) for whole in (predicted, there)]
        return np.column_stack([super()._weigh(weights), *both])


class _Ranks:
    """Rows by descending score, for areas under curves; only points with a positive row contribute.

    Rows of equal scores form one point. For each point k with a positive row, with weighted counts:

        G_k   positive rows of the point
        T_k   all rows of the point
        B_k   its own rows, and all rows between it and the previous such point

    Predicting 1 from its score on gives tp_k = G_1 + .. + G_k true and fp_k = B_1 + .. + B_k - tp_k false positives.
    """

    def __init__(self, positive: np.ndarray, score: np.ndarray) -> None:
        order = np.argsort(-score, kind="stable")
        ranked, y = score[order], positive[order]
        point = np.cumsum(np.append(False, np.diff(ranked) != 0)[: len(ranked)])
        relevant = np.bincount(point, y, int(point[-1]) + 1 if len(point) else 0) > 0
        # Index among the points with a positive row: of the row's own point, or of the next one below.
        place: np.ndarray = (np.cumsum(relevant) - relevant)[point]
        own = relevant[point]
        self._points = int(relevant.sum())
        self._gained = self._sum_of(place[y], order[y], len(y))
        inside = place < self._points  # rows below the last positive row do not contribute
        self._passed = self._sum_of(place[inside], order[inside], len(y))
        tied = own.sum() > y.sum()
        self._at = self._sum_of(place[own], order[own], len(y)) if tied else self._gained

    def _sum_of(self, points: np.ndarray, rows: np.ndarray, count: int) -> Any:
        """The matrix [points, N] that sums rows by point."""
        from scipy.sparse import csr_matrix

        return csr_matrix((np.ones(len(rows), np.float32), (points, rows)), shape=(self._points, count))

    def __call__(self, weights: np.ndarray, negatives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums over the positive rows: of the negatives ranked below, and of the precisions, both [R].

        `weights` are [N, R]; `negatives` [R] is the total weight of the negative rows. A negative of equal score counts
        as half below. Divided by positives x negatives, and by positives, the sums are AUC and average precision.
        """
        gained, at = self._gained @ weights, self._at @ weights
        tp = np.cumsum(gained, axis=0)
        both = np.cumsum(self._passed @ weights, axis=0)
        precision = np.divide(tp, both, out=np.zeros_like(tp), where=both > 0)
        # Negatives above the middle of the point: those at or above it minus half of its own.
        above = both
        above -= tp
        above -= (at - gained) / 2
        area = negatives * gained.sum(axis=0, dtype=np.float64) - np.einsum("kr,kr->r", gained, above, dtype=np.float64)
        return area, np.einsum("kr,kr->r", gained, precision, dtype=np.float64)


def _sparse(rows: np.ndarray) -> Any:
    """A sparse matrix [sums, N]; its product with weights does not use BLAS, whose threads do not pay here."""
    from scipy.sparse import csr_matrix

    return csr_matrix(rows)


def _in_blocks(weigh: Callable[[np.ndarray], np.ndarray], weights: np.ndarray, metrics: int) -> np.ndarray:
    """Applies `weigh` to [N], or to [N, R] in blocks of samples to bound memory; returns [metrics] or [R, metrics]."""
    if weights.ndim == 1:
        return weigh(weights.astype(np.float64)[:, None])[0]
    rows, resamples = weights.shape
    step = max(1, BLOCK // max(1, rows))
    blocks = [weigh(weights[:, at : at + step].astype(np.float32)) for at in range(0, resamples, step)]
    return np.concatenate(blocks) if blocks else np.empty((0, metrics))


def calibration_error(labels: np.ndarray, probability: np.ndarray, bins: int = 15) -> float:
    """Computes the expected calibration error over bins of equal mass.

    It is the sum over bins of n_b / N |mean probability - share of positive rows|. Bins of equal mass follow J. Nixon
    et al., Measuring Calibration in Deep Learning, 2019; rows of equal probability are in one bin, so there may be
    fewer bins.

    Args:
      labels: 0 or 1, [N]; for several classes, whether the most probable class is correct.
      probability: Probability of 1, [N]; for several classes, of the most probable class.
      bins: Maximum number of bins.

    Returns:
      In [0, 1], 0 = calibrated; NaN without rows.
    """
    if not len(labels):
        return float("nan")
    predicted = probability.astype(np.float64)
    edges = np.unique(np.quantile(predicted, np.arange(1, bins) / bins, method="inverted_cdf"))
    place = np.searchsorted(edges, predicted)  # the upper edge belongs to the bin
    gaps = np.bincount(place, weights=predicted - labels, minlength=len(edges) + 1)
    return float(np.abs(gaps).sum() / len(labels))
