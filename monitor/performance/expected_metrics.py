"""Metrics as functions of row values that are expected, observed or a mix of both, with their gradient.

A binary metric is computed from the share a_i in which row i counts as positive: 1 or 0 once its label is known, the
calibrated probability before, or a corrected value outside [0, 1]. Row i counts a_i times as positive and 1 - a_i times
as negative, so all metrics are smooth functions of a, and the gradient gives the variance by the delta method. With
labels 0 and 1, values equal those of scikit-learn. Metrics of other tasks are means of row losses.
"""

from dataclasses import dataclass

import numpy as np

from components.shared.serving.serving_contract import decides, likeliest
from components.shared.statistics.metric_names import ESTIMATED, UNBOUNDED
from components.shared.statistics.weighted_metrics import CLIP
from monitor.performance.scored_rows import ScoredRows

TINY = 1e-12


@dataclass(frozen=True)
class Link:
    """Scale on which errors are added: logit for metrics in [0, 1], logarithm for unbounded ones."""

    metric: str

    @property
    def unbounded(self) -> bool:
        """Whether the metric lies in [0, infinity)."""
        return self.metric in UNBOUNDED

    def apply(self, value: float) -> float:
        """Returns logit or logarithm of a value; the ends of the range are moved inwards by 1e-6."""
        if self.unbounded:
            return float(np.log(max(value, 1e-6)))
        value = min(max(value, 1e-6), 1 - 1e-6)
        return float(np.log(value / (1 - value)))

    def invert(self, linked: float) -> float:
        """Returns the value of a linked one."""
        linked = min(max(linked, -700.0), 700.0)
        return float(np.exp(linked) if self.unbounded else 1 / (1 + np.exp(-linked)))

    def slope(self, value: float) -> float:
        """Returns the derivative of the link at a value."""
        if self.unbounded:
            return 1 / max(value, 1e-6)
        value = min(max(value, 1e-6), 1 - 1e-6)
        return 1 / (value * (1 - value))


class BinaryMetric:
    """A binary metric of fixed scores.

    Args:
      metric: A metric of a binary label, see metric_names.ESTIMATED.
      scores: Probability of class 1, [N].
      threshold: Decision threshold of f1, precision and recall.
    """

    def __init__(self, metric: str, scores: np.ndarray, threshold: float) -> None:
        self._metric, self._rows = metric, len(scores)
        if metric in ("auc", "average_precision"):
            order = np.argsort(-scores, kind="stable")
            ranked = scores[order]
            point = np.cumsum(np.append(False, np.diff(ranked) != 0)[: len(ranked)])
            self._point = np.empty(len(scores), dtype=np.int64)  # rows of equal scores are one point, highest first
            self._point[order] = point
            self._points = int(point[-1]) + 1
            self._cumulated = np.cumsum(np.bincount(point, minlength=self._points))
        elif metric == "log_loss":
            p = np.clip(scores.astype(np.float64), CLIP, 1 - CLIP)
            self._if_one, self._if_zero = -np.log(p), -np.log1p(-p)
        elif metric == "accuracy":
            predicted = decides(scores, 0.5)
            self._if_one, self._if_zero = predicted.astype(np.float64), (~predicted).astype(np.float64)
        else:
            self._predicted = decides(scores, threshold).astype(np.float64)

    def __call__(self, share: np.ndarray) -> tuple[float, np.ndarray]:
        """Computes the metric and its gradient.

        Args:
          share: Share a_i in which each row is positive, [N].

        Returns:
          The metric, NaN if undefined, and its derivative with respect to each a_i, [N].
        """
        if self._metric == "auc":
            return self._auc(share)
        if self._metric == "average_precision":
            return self._average_precision(share)
        if self._metric in ("accuracy", "log_loss"):
            value = float(np.mean(share * self._if_one + (1 - share) * self._if_zero))
            return value, (self._if_one - self._if_zero) / self._rows
        hits, there, predicted = float(share @ self._predicted), float(share.sum()), float(self._predicted.sum())
        if self._metric == "recall":
            value = hits / there if there > TINY else float("nan")
            return value, (self._predicted - value) / max(there, TINY)
        if self._metric == "precision":
            return (hits / predicted if predicted else 0.0), self._predicted / max(predicted, 1.0)
        whole = max(predicted + there, TINY)
        value = 2 * hits / whole
        return value, (2 * self._predicted - value) / whole

    def _auc(self, share: np.ndarray) -> tuple[float, np.ndarray]:
        """Mann-Whitney: P(score of a positive > score of a negative) + P(equal) / 2, over pairs of different rows."""
        positive = np.bincount(self._point, share, self._points)
        negative = np.bincount(self._point, 1 - share, self._points)
        positives, negatives = float(positive.sum()), float(negative.sum())
        itself = float(share @ (1 - share))  # a row is no pair with itself; 0 with labels
        pairs = positives * negatives - itself
        if min(positives, negatives, pairs) <= TINY:
            return float("nan"), np.zeros(self._rows)
        below = negatives - np.cumsum(negative) + negative / 2
        above = np.cumsum(positive) - positive / 2
        value = (float(positive @ below) - itself / 2) / pairs
        gradient = (below - above - value * (negatives - positives))[self._point] - (1 - 2 * share) * (0.5 - value)
        return value, gradient / pairs

    def _average_precision(self, share: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean over the positives of the precision at their score; a row that is positive counts as 1 in its own."""
        positive = np.bincount(self._point, share, self._points)
        positives = float(positive.sum())
        if positives <= TINY:
            return float("nan"), np.zeros(self._rows)
        itself = np.bincount(self._point, share * (1 - share), self._points)  # 0 with labels
        hits = np.cumsum(positive)
        value = float(np.sum((positive * hits + itself) / self._cumulated)) / positives
        later = np.cumsum((positive / self._cumulated)[::-1])[::-1]
        gradient = (hits / self._cumulated + later)[self._point] + (1 - 2 * share) / self._cumulated[self._point]
        return value, (gradient - value) / positives


class MeanMetric:
    """Mean of the row values, or its square root (rmse).

    Args:
      metric: Name of the metric.
    """

    def __init__(self, metric: str) -> None:
        self._root = metric == "rmse"

    def __call__(self, losses: np.ndarray) -> tuple[float, np.ndarray]:
        """Computes the metric and its derivative with respect to each row's value, [N]."""
        mean = float(np.mean(losses))
        gradient = np.full(len(losses), 1 / len(losses))
        if not self._root:
            return mean, gradient
        root = float(np.sqrt(max(mean, TINY)))
        return root, gradient / (2 * root)


def metric_names(task: str) -> tuple[str, ...]:
    """Names of the metrics of a task that can be estimated."""
    return ESTIMATED[task]


def functional(metric: str, rows: ScoredRows, threshold: float) -> BinaryMetric | MeanMetric:
    """Returns the function of row values; raises ValueError if the task has no such metric."""
    if metric not in metric_names(rows.task):
        raise ValueError(f"metric {metric}: cannot be estimated; {rows.task} has {', '.join(metric_names(rows.task))}")
    return BinaryMetric(metric, rows.scores, threshold) if rows.task == "binary" else MeanMetric(metric)


def row_values(metric: str, rows: ScoredRows) -> np.ndarray:
    """Returns what the metric is a function of, [N]: labels 0 and 1, or losses; meaningless where not labelled."""
    assert rows.targets is not None
    if rows.task == "binary":
        return np.asarray(rows.targets, np.float64)
    if rows.task == "regression":
        error = np.asarray(rows.targets, np.float64) - rows.scores
        return np.abs(error) if metric == "mae" else error**2
    codes = np.where(rows.known, rows.targets, 0).astype(np.int64)
    if metric == "accuracy":
        return (likeliest(rows.scores) == codes).astype(np.float64)
    given: np.ndarray = -np.log(np.clip(rows.scores[np.arange(len(rows)), codes].astype(np.float64), CLIP, 1 - CLIP))
    return given


def uncalibrated(metric: str, rows: ScoredRows) -> np.ndarray:
    """Returns what the scores themselves say about the row values, [N]: the summary that calibration starts from."""
    if rows.task == "binary":
        return np.asarray(rows.scores, np.float64)
    if rows.task == "regression":
        return np.asarray(rows.scores, np.float64)
    p = np.clip(rows.scores.astype(np.float64), CLIP, 1.0)
    return p.max(axis=1) if metric == "accuracy" else -(p * np.log(p)).sum(axis=1)
