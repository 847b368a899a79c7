"""How sure a metric is, and the difference between two models that were judged on the same rows: bootstraps. Pure.

Paired: rows are drawn with replacement, the same ones for both models, and the difference of each metric is taken
anew; the middle 95 % of these differences are the interval (percentile bootstrap: B. Efron and R. J. Tibshirani, An
Introduction to the Bootstrap, 1993, chapters 13 and 16). Both models meet the same easy and hard rows, so the interval
is narrower than what their two separate intervals would say. It speaks of the chance of which rows are in the eval
split, not of the chance in training: another seed makes another model.

Poisson: each row is counted a Poisson(1) number of times, which is what drawing with replacement comes to for many
rows (J. A. Hanley and B. MacGibbon, Creating non-parametric bootstrap samples using Poisson frequencies, 2006).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from components.shared.statistics.weighted_metrics import Judge

RESAMPLES = 1000
LEVEL = 0.95
SEED = 13
MIN_ROWS = 30
"""Fewer rows in a slice say nothing about it."""
MOST_UNKNOWN = 0.05
"""Share of the draws in which a metric may be unknown (a single class drawn) before its interval is."""


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


def poisson_draws(
    judges: Mapping[str, Judge],
    parts: Mapping[str, np.ndarray],
    rows: int,
    resamples: int,
    seed: int = SEED,
    overall_only: Collection[str] = (),
) -> dict[str, dict[str, np.ndarray]]:
    """Metrics of each judge on each part of the rows, again and again; all see the same draws.

    Args:
      judges: Name -> what judges all rows.
      parts: Name -> rows, by index; "" is all rows.
      rows: N.
      resamples: How often rows are drawn.
      seed: Of the draws.
      overall_only: Judges that are asked about all rows alone.

    Returns:
      Part -> judge -> [1 + resamples, metrics]: first with every row counted once, then of each draw.
    """
    weights = _poisson(rows, resamples, seed)
    found: dict[str, dict[str, np.ndarray]] = {}
    for part, at in parts.items():
        once, drawn = np.ones(len(at)), _some(weights, at)
        among = {name: judge.among(at) for name, judge in judges.items() if not part or name not in overall_only}
        found[part] = {name: np.vstack([judge(once), judge(drawn)]) for name, judge in among.items()}
    return found


def _poisson(rows: int, resamples: int, seed: int) -> np.ndarray:
    """How often each row is drawn, uint8 [rows, resamples]: 255 is more than a Poisson(1) number ever is."""
    random = np.random.default_rng(seed)
    found = np.empty((resamples, rows), np.uint8)
    for number in range(resamples):  # one at a time: 8 bytes a number are drawn before 1 is kept
        found[number] = random.poisson(1.0, rows)
    return np.ascontiguousarray(found.T)


def _some(weights: np.ndarray, at: np.ndarray) -> np.ndarray:
    """weights[at], without a copy where these are all rows."""
    whole = len(at) == len(weights) and bool((at == np.arange(len(at))).all())
    return weights if whole else weights[at]


def standard_error(draws: np.ndarray) -> float:
    """Standard deviation of a metric over its draws, [R]; NaN if it is unknown in too many of them."""
    known = draws[np.isfinite(draws)]
    if len(known) < 2 or len(known) < (1 - MOST_UNKNOWN) * len(draws):
        return float("nan")
    return float(known.std(ddof=1))


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
    random = np.random.default_rng(seed)
    weights = np.empty((rows, resamples), np.uint8)
    for number in range(resamples):
        weights[:, number] = np.bincount(random.integers(0, rows, rows), minlength=rows)
    found = {}
    for name, at in parts.items():
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
        if len(known) and len(known) >= (1 - MOST_UNKNOWN) * len(draws):
            low, high = (float(end) for end in np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
        found[name] = Interval(float(was[at]), float(now[at]), float(now[at] - was[at]), low, high)
    return found
