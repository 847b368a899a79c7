"""Significance of differences between candidate and champion, and confidence intervals of metrics.

The candidate violates a change threshold of a metric if both conditions hold:

    beyond       it is worse by more than the tolerance, and
    significant  "it is no worse" is rejected: p = Phi(d / SE) of the difference d (d > 0 is better), with SE from the
                 same bootstrap samples for both models (paired Poisson bootstrap)

Over all comparisons of an evaluation, p is compared with the bounds of Holm's procedure (S. Holm, A Simple Sequentially
Rejective Multiple Test Procedure, 1979): 4/5 of ALPHA for the overall metrics, the rest for all slices. A candidate
that is as good as the champion is therefore rejected in at most ALPHA = 5 % of evaluations, however many slices there
are. A loss beyond the tolerance that is not significant does not prevent the blessing, but is reported. The power is
reported, too: `detectable` is the true loss that would be detected with probability POWER.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from components.shared.statistics.bootstrap import MIN_ROWS, poisson_draws, standard_error
from components.shared.statistics.holm import holm
from components.shared.statistics.metric_names import UNBOUNDED
from components.shared.statistics.weighted_metrics import WeightedMetrics

ALPHA = 0.05
OVERALL_SHARE = 0.8
"""Share of ALPHA for the overall metrics if slices are compared, too; slices have the larger tolerance."""
POWER = 0.9
RESAMPLES = 200
MAX_ROWS = 200_000
"""Maximum resampled rows; more are sampled down, and the standard errors scaled by the square root of the share."""
Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class MetricComparison:
    """Comparison of one metric of two models on the same rows.

    Attributes:
      difference: Candidate - champion, in the unit of the metric.
      error: Standard error of the difference; NaN if undefined.
      p_value: Probability of a difference this bad if the candidate were no worse; NaN if undefined.
      significant: Whether the candidate is significantly worse; None if undefined.
      detectable: True loss that would be detected with probability POWER; NaN if undefined.
    """

    difference: float
    error: float
    p_value: float
    significant: bool | None
    detectable: float


@dataclass(frozen=True)
class BootstrapSamples:
    """Metrics of several models on slices of the same rows, with bootstrap samples.

    Attributes:
      names: Names of the metrics.
      metrics: Slice ("" is all rows) -> model -> [1 + resamples, metrics]; row 0 is the measured value.
      scale: Factor of the standard errors, below 1 if fewer rows were resampled than there are.
    """

    names: tuple[str, ...]
    metrics: Mapping[str, Mapping[str, np.ndarray]]
    scale: float = 1.0

    def measured(self, slice_name: str, model: str) -> dict[str, float]:
        """Returns metric -> measured value."""
        return dict(zip(self.names, map(float, self.metrics[slice_name][model][0]), strict=True))

    def difference(self, slice_name: str, metric: str, one: str, other: str) -> tuple[float, float]:
        """Returns `one` minus `other` in a metric, and the standard error of the difference."""
        at = self.names.index(metric)
        apart = self.metrics[slice_name][one][:, at] - self.metrics[slice_name][other][:, at]
        return float(apart[0]), standard_error(apart[1:]) * self.scale

    def interval(self, slice_name: str, metric: str, model: str) -> tuple[float, float] | None:
        """Returns the 95 % interval: metric +- 1.96 SE on the logit scale (log scale for unbounded metrics).

        The transformation keeps the bounds within the range of the metric. None if the metric is undefined.
        """
        drawn = self.metrics[slice_name][model][:, self.names.index(metric)]
        value, error = float(drawn[0]), standard_error(drawn[1:]) * self.scale
        if not math.isfinite(value) or not math.isfinite(error):
            return None
        if value <= 0 or (metric not in UNBOUNDED and value >= 1):
            return value, value
        if metric in UNBOUNDED:
            half = math.exp(Z95 * error / value)
            return value / half, value * half
        odds, half = value / (1 - value), math.exp(Z95 * error / (value * (1 - value)))
        return odds / half / (1 + odds / half), odds * half / (1 + odds * half)

    def intervals(self, slice_name: str, model: str) -> dict[str, tuple[float, float]]:
        """Returns the intervals of all metrics that have one."""
        found = {name: self.interval(slice_name, name, model) for name in self.names}
        return {name: ends for name, ends in found.items() if ends is not None}


def draw_samples(
    calculators: Mapping[str, WeightedMetrics],
    slices: Mapping[str, np.ndarray],
    rows: int,
    resamples: int = RESAMPLES,
    seed: int = 13,
    overall_only: Collection[str] = (),
) -> BootstrapSamples:
    """Draws bootstrap samples of models on slices of their rows.

    Args:
      calculators: Model -> metric calculator for all rows; all have the same metrics.
      slices: Slice -> row indices; slices with fewer than MIN_ROWS rows are left out.
      rows: Number of rows N, at least 1.
      resamples: Number of bootstrap samples.
      seed: Seed of the bootstrap.
      overall_only: Models that are not evaluated on slices.
    """
    names = next(iter(calculators.values())).names
    large = {"": np.arange(rows), **{name: at for name, at in slices.items() if len(at) >= MIN_ROWS}}
    if rows <= MAX_ROWS:
        return BootstrapSamples(names, poisson_draws(calculators, large, rows, resamples, seed, overall_only))
    chosen = np.sort(np.random.default_rng(seed).choice(rows, MAX_ROWS, replace=False))
    some = {name: np.flatnonzero(np.isin(chosen, at, assume_unique=True)) for name, at in large.items()}
    fewer = {name: calculator.among(chosen) for name, calculator in calculators.items()}
    drawn = poisson_draws(fewer, some, MAX_ROWS, resamples, seed, overall_only)
    for slice_name, inside in drawn.items():
        for name in inside:
            inside[name][0] = calculators[name].among(large[slice_name])(np.ones(len(large[slice_name])))
    return BootstrapSamples(names, drawn, math.sqrt(MAX_ROWS / rows))


def compare_metrics(
    draws: BootstrapSamples,
    tolerance: Mapping[str, float],
    slice_tolerance: Mapping[str, float],
    lower_is_better: frozenset[str],
    names: tuple[str, str] = ("candidate", "champion"),
) -> dict[tuple[str, str], MetricComparison]:
    """Compares two models in every metric that has a tolerance, by the rule in the module docstring.

    Args:
      draws: Bootstrap samples of both models.
      tolerance: Metric -> tolerated loss, overall.
      slice_tolerance: Metric -> tolerated loss on a slice.
      lower_is_better: Metrics that are better when lower.
      names: Names of the two models in `draws`.

    Returns:
      (slice, metric) -> comparison; "" is overall. Metrics that `draws` lacks are left out.
    """
    families = [
        [("", metric) for metric in tolerance if metric in draws.names],
        [
            (slice_name, metric)
            for slice_name in draws.metrics
            if slice_name
            for metric in slice_tolerance
            if metric in draws.names
        ],
    ]
    share = OVERALL_SHARE if all(families) else 1.0
    compared: dict[tuple[str, str], MetricComparison] = {}
    for family, alpha in zip(families, (ALPHA * share, ALPHA * (1 - share if share < 1 else 1)), strict=True):
        apart = {key: draws.difference(*key, *names) for key in family}
        p_values = {
            key: one_sided_p_value(-difference if key[1] in lower_is_better else difference, error)
            for key, (difference, error) in apart.items()
        }
        known = {key: p for key, p in p_values.items() if p == p}
        rejected = rejected_hypotheses(known, alpha)
        # The smallest p-value is compared with the strictest bound of Holm's procedure; passing it is sufficient.
        strict = NormalDist().inv_cdf(1 - alpha / max(1, len(known)))
        for key, (difference, error) in apart.items():
            allowed = (tolerance if key[0] == "" else slice_tolerance)[key[1]]
            detectable = max(allowed, strict * error) + NormalDist().inv_cdf(POWER) * error
            significant = key in rejected if key in known else None
            compared[key] = MetricComparison(difference, error, p_values[key], significant, detectable)
    return compared


def one_sided_p_value(difference: float, error: float) -> float:
    """Returns the p-value of the hypothesis "not worse", given a difference (> 0 is better) and its standard error.

    It is NaN if one of them is not finite.
    """
    if not math.isfinite(difference) or not math.isfinite(error):
        return float("nan")
    if error == 0:
        return 0.0 if difference < 0 else 1.0
    return NormalDist().cdf(difference / error)


def rejected_hypotheses(p_values: Mapping[tuple[str, str], float], alpha: float) -> set[tuple[str, str]]:
    """Returns the hypotheses that Holm's procedure rejects at a family-wise error rate."""
    adjusted = holm(list(p_values.values()))
    return {key for key, p in zip(p_values, adjusted, strict=True) if p <= alpha}


def outperforms(
    one: Mapping[str, float], other: Mapping[str, float], metrics: Iterable[str], low: frozenset[str]
) -> bool | None:
    """Whether one model is better than another in any metric; None if no metric is defined for both.

    Args:
      one: Metrics of the first model.
      other: Metrics of the second model.
      metrics: Metrics to compare.
      low: Metrics that are better when lower.
    """
    pairs = [(one[name], other[name], name) for name in metrics if name in one and name in other]
    known = [(a < b if name in low else a > b) for a, b, name in pairs if math.isfinite(a) and math.isfinite(b)]
    return any(known) if known else None
