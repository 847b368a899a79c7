"""Bootstrap confidence intervals of metrics, and of their differences between two models on the same rows.

Paired bootstrap: rows are drawn with replacement, the same ones for both models, and the difference of each metric is
computed for each draw. The interval is the middle 95 % of these differences (percentile bootstrap: B. Efron and
R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16). Because both models are scored on the
same rows, the interval is narrower than separate intervals suggest. It covers the sampling of the eval rows, not the
randomness of training with another seed.

Poisson bootstrap: each row is weighted by a Poisson(1) number, which approximates drawing with replacement for many
rows (J. A. Hanley and B. MacGibbon, Creating non-parametric bootstrap samples using Poisson frequencies, 2006).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from components.shared.statistics.weighted_metrics import WeightedMetrics

RESAMPLES = 1000
LEVEL = 0.95
SEED = 13
MIN_ROWS = 30
"""Minimum rows of a slice for an interval."""
MAX_UNKNOWN = 0.05
"""Maximum share of the draws in which a metric is undefined (a single class was drawn) for an interval to be given."""


@dataclass(frozen=True)
class Interval:
    """A metric of two models on the same rows, and the confidence interval of its difference.

    Attributes:
      before: Metric of the first model.
      after: Metric of the second model.
      delta: `after` minus `before`.
      low: Lower bound of the 95 % interval of `delta`; None if it cannot be estimated.
      high: Upper bound; None if it cannot be estimated.
    """

    before: float
    after: float
    delta: float
    low: float | None
    high: float | None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def poisson_draws(
    calculators: Mapping[str, WeightedMetrics],
    slices: Mapping[str, np.ndarray],
    rows: int,
    resamples: int,
    seed: int = SEED,
    overall_only: Collection[str] = (),
) -> dict[str, dict[str, np.ndarray]]:
    """Computes the metrics of several models on the same Poisson bootstrap samples.

    Args:
      calculators: Model -> metric calculator for all rows.
      slices: Name -> row indices; "" is all rows.
      rows: Number of rows N.
      resamples: Number of bootstrap samples.
      seed: Seed of the bootstrap.
      overall_only: Models that are evaluated on all rows only.

    Returns:
      Slice -> model -> [1 + resamples, metrics]: row 0 with every row counted once, then one row per sample.
    """
    weights = _poisson(rows, resamples, seed)
    found: dict[str, dict[str, np.ndarray]] = {}
    for slice_name, at in slices.items():
        once, drawn = np.ones(len(at)), _some(weights, at)
        among = {
            name: calculator.among(at)
            for name, calculator in calculators.items()
            if not slice_name or name not in overall_only
        }
        found[slice_name] = {
            name: np.vstack([calculator(once), calculator(drawn)]) for name, calculator in among.items()
        }
    return found


def _poisson(rows: int, resamples: int, seed: int) -> np.ndarray:
    """Weight of each row in each sample, uint8 [rows, resamples]; 255 exceeds any Poisson(1) number."""
    random = np.random.default_rng(seed)
    found = np.empty((resamples, rows), np.uint8)
    for number in range(resamples):  # one at a time: NumPy draws 8 bytes per number, of which 1 is kept
        found[number] = random.poisson(1.0, rows)
    return np.ascontiguousarray(found.T)


def _some(weights: np.ndarray, at: np.ndarray) -> np.ndarray:
    """weights[at], without a copy if `at` is all rows."""
    whole = len(at) == len(weights) and bool((at == np.arange(len(at))).all())
    return weights if whole else weights[at]


def standard_error(draws: np.ndarray) -> float:
    """Returns the standard deviation of a metric over samples, [R]; NaN if it is undefined in too many of them."""
    known = draws[np.isfinite(draws)]
    if len(known) < 2 or len(known) < (1 - MAX_UNKNOWN) * len(draws):
        return float("nan")
    return float(known.std(ddof=1))


def paired_intervals(
    before: WeightedMetrics,
    after: WeightedMetrics,
    rows: int,
    slices: Mapping[str, np.ndarray] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, dict[str, Interval]]:
    """Computes confidence intervals of the differences between two models.

    Args:
      before: Metric calculator of the first model.
      after: Metric calculator of the second model, on the same rows.
      rows: Number of rows N, at least 1.
      slices: Name -> row indices; slices with fewer than MIN_ROWS rows are left out.
      resamples: Number of bootstrap samples.
      seed: Seed of the bootstrap; the same seed gives the same intervals.

    Returns:
      Slice ("" is all rows) -> metric -> interval; undefined metrics are left out.
    """
    slices = {"": np.arange(rows), **{name: at for name, at in (slices or {}).items() if len(at) >= MIN_ROWS}}
    random = np.random.default_rng(seed)
    weights = np.empty((rows, resamples), np.uint8)
    for number in range(resamples):
        weights[:, number] = np.bincount(random.integers(0, rows, rows), minlength=rows)
    found = {}
    for name, at in slices.items():
        one, other = before.among(at), after.among(at)
        once = np.ones(len(at))
        drawn = _some(weights, at)
        found[name] = _intervals(before.names, one(once), other(once), other(drawn) - one(drawn))
    return found


def _intervals(names: tuple[str, ...], was: np.ndarray, now: np.ndarray, draws: np.ndarray) -> dict[str, Interval]:
    found = {}
    for at, name in enumerate(names):
        if not np.isfinite(was[at]) or not np.isfinite(now[at]):
            continue
        known = draws[np.isfinite(draws[:, at]), at]
        low = high = None
        if len(known) and len(known) >= (1 - MAX_UNKNOWN) * len(draws):
            low, high = (float(end) for end in np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
        found[name] = Interval(float(was[at]), float(now[at]), float(now[at] - was[at]), low, high)
    return found
