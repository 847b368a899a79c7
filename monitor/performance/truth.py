"""The metric of a mature window, with its own interval."""

from dataclasses import dataclass

import numpy as np

from components.shared.statistics.bootstrap import poisson_draws, standard_error
from components.shared.statistics.weighted_metrics import (
    ThresholdMetrics,
    WeightedMetrics,
    multiclass_metrics,
    regression_metrics,
)
from monitor.performance.expected_metrics import Link
from monitor.performance.scored_rows import ScoredRows

RESAMPLES = 200


@dataclass(frozen=True)
class Truth:
    """A metric of labelled rows.

    Attributes:
      value: The metric.
      low: Lower bound of its interval over samples of such rows; None if it is undefined in many of them.
      high: Upper bound.
      error: Standard error on the link scale; NaN likewise.
      labels: Number of labels.
    """

    value: float
    low: float | None
    high: float | None
    error: float
    labels: int


def calculator(rows: ScoredRows, threshold: float) -> WeightedMetrics:
    """Returns the metric calculator of labelled rows."""
    assert rows.targets is not None
    if rows.task == "binary":
        return ThresholdMetrics(rows.targets, rows.scores, threshold)
    if rows.task == "multiclass":
        return multiclass_metrics(rows.targets.astype(np.int64), rows.scores)
    return regression_metrics(rows.targets, rows.scores)


def measure_weighted(
    rows: ScoredRows, metric: str, weights: np.ndarray, threshold: float = 0.5, seed: int = 13
) -> tuple[float, float]:
    """Computes a metric of labelled rows that are weighted, such as by the inverse probability of their label.

    Args:
      rows: Labelled rows.
      metric: Name of the metric.
      weights: [N], above 0.
      threshold: Decision threshold.
      seed: Seed of the bootstrap.

    Returns:
      The metric, and its standard error on the link scale by a Poisson bootstrap; NaN if undefined.
    """
    calculated = calculator(rows, threshold)
    at = calculated.names.index(metric)
    drawn = np.random.default_rng(seed).poisson(1.0, (len(rows), RESAMPLES)) * (weights / weights.mean())[:, None]
    value = float(calculated(weights / weights.mean())[at])
    return value, standard_error(calculated(drawn)[:, at]) * Link(metric).slope(value)


def measure(rows: ScoredRows, level: float, threshold: float = 0.5, seed: int = 13) -> dict[str, Truth]:
    """Computes all metrics of the labelled rows with Poisson bootstrap intervals on the link scale.

    Args:
      rows: Rows; those without a label are left out, so they should be few: see `delays.mature_after`.
      level: Coverage of the intervals.
      threshold: Decision threshold.
      seed: Seed of the bootstrap.

    Returns:
      Metric -> truth; undefined metrics are left out.
    """
    from scipy.stats import norm

    rows = rows.with_labels()
    if not len(rows):
        return {}
    calculated = calculator(rows, threshold)
    everyone = np.arange(len(rows))
    drawn = poisson_draws({"": calculated}, {"": everyone}, len(rows), RESAMPLES, seed)[""][""]
    found = {}
    for at, metric in enumerate(calculated.names):
        value = float(drawn[0, at])
        if not np.isfinite(value):
            continue
        link = Link(metric)
        error = standard_error(drawn[1:, at]) * link.slope(value)
        low = high = None
        if np.isfinite(error):
            reach = float(norm.ppf((1 + level) / 2)) * error
            low, high = link.invert(link.apply(value) - reach), link.invert(link.apply(value) + reach)
        found[metric] = Truth(value, low, high, error, len(rows))
    return found
