"""Compares predictions of several models on the test rows of a table: metrics, intervals, significant differences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.shared.statistics import weighted_metrics
from components.shared.statistics.bootstrap import LEVEL, poisson_draws

OURS = "ours"
SIMPLE = ("boosting", "lightgbm", "linear")
"""Models than which Plumbline's should not be significantly worse. FLAML is left out: it searches for the same time."""
METRICS = {"binary": ("auc",), "multiclass": ("log_loss", "accuracy"), "regression": ("rmse",)}
"""Metrics of each task; the first determines the best model."""
LOWER_IS_BETTER = frozenset({"log_loss", "rmse"})
RESAMPLES = 1000
SEED = 13


@dataclass(frozen=True)
class Figure:
    """A metric with the bounds of its 95 % interval; of a difference, ours less theirs."""

    value: float
    low: float
    high: float

    def to_json(self) -> list[float]:
        """Value, low, high, to 6 significant digits."""
        return [float(f"{number:.6g}") for number in (self.value, self.low, self.high)]


@dataclass(frozen=True)
class Judged:
    """One table's comparison.

    Attributes:
      best: The model with the best value of the task's first metric.
      metrics: Model -> metric -> figure.
      differences: Other model -> metric -> ours less theirs.
      worse: Models than which Plumbline's is significantly worse in any metric: the interval excludes 0.
      better: Models than which Plumbline's is significantly better in the first metric.
      level_with_best: Plumbline's model is the best, or the interval of its difference to the best contains 0.
    """

    best: str
    metrics: dict[str, dict[str, Figure]]
    differences: dict[str, dict[str, Figure]]
    worse: tuple[str, ...]
    better: tuple[str, ...]
    level_with_best: bool

    def to_json(self) -> dict[str, Any]:
        """As one JSON object; a figure is [value, low, high]."""

        def plain(figures: Mapping[str, Mapping[str, Figure]]) -> dict[str, dict[str, list[float]]]:
            return {name: {metric: one.to_json() for metric, one in row.items()} for name, row in figures.items()}

        return {
            "best": self.best,
            "metrics": plain(self.metrics),
            "differences": plain(self.differences),
            "worse_than": list(self.worse),
            "better_than": list(self.better),
            "level_with_best": self.level_with_best,
        }


def judge(
    task: str, labels: np.ndarray, answers: Mapping[str, np.ndarray], resamples: int = RESAMPLES, seed: int = SEED
) -> Judged:
    """Compares Plumbline's model with the others by a paired bootstrap: all models use the same resampled rows.

    Args:
      task: binary, multiclass or regression.
      labels: [N]; 0 and 1, codes 0..K-1, or numbers.
      answers: Model -> predictions: probability of 1 [N], probabilities [N, K] or numbers [N]; contains OURS.
      resamples: Number of bootstrap resamples.
      seed: Seed of the random numbers.
    """
    made = {name: _judge(task, labels, answer) for name, answer in answers.items()}
    draws = poisson_draws(made, {"": np.arange(len(labels))}, len(labels), resamples, seed)[""]
    places = {metric: made[OURS].names.index(metric) for metric in METRICS[task]}
    metrics = {name: {metric: _figure(drawn[:, at]) for metric, at in places.items()} for name, drawn in draws.items()}
    differences = {
        name: {metric: _figure(draws[OURS][:, at] - drawn[:, at]) for metric, at in places.items()}
        for name, drawn in draws.items()
        if name != OURS
    }
    first = METRICS[task][0]
    sign = -1 if first in LOWER_IS_BETTER else 1
    best = max(metrics, key=lambda name: (sign * metrics[name][first].value, name == OURS))
    beaten = {name: [_verdict(metric, one) for metric, one in row.items()] for name, row in differences.items()}
    return Judged(
        best,
        metrics,
        differences,
        tuple(name for name, verdicts in beaten.items() if -1 in verdicts),
        tuple(name for name, verdicts in beaten.items() if verdicts[0] == 1),
        best == OURS or beaten[best][0] >= 0,
    )


def _verdict(metric: str, difference: Figure) -> int:
    """1 if Plumbline's model is significantly better, -1 if significantly worse, else 0."""
    sign = -1 if metric in LOWER_IS_BETTER else 1
    if difference.low > 0:
        return sign
    return -sign if difference.high < 0 else 0


def _judge(task: str, labels: np.ndarray, answer: np.ndarray) -> weighted_metrics.WeightedMetrics:
    if task == "binary":
        return weighted_metrics.BinaryMetrics(labels, answer)
    return (
        weighted_metrics.multiclass_metrics(labels, answer)
        if task == "multiclass"
        else weighted_metrics.regression_metrics(labels, answer)
    )


def _figure(drawn: np.ndarray) -> Figure:
    """Figure from [1 + R] values: on all rows, then on each resample; resamples that lack a class are left out."""
    known = drawn[1:][np.isfinite(drawn[1:])]
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(known) else (np.nan, np.nan)
    return Figure(float(drawn[0]), float(low), float(high))
