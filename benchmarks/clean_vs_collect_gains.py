"""Confidence intervals of a mean gain over paired repetitions, and of the ratio of two gains."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over repetitions; `low` and `high` bound it at LEVEL by Student's t, None for a single repetition."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Ratio:
    """The ratio of two mean gains.

    Attributes:
      ratio: Ratio of the means; None if the denominator is exactly 0.
      low: Lower confidence limit at LEVEL by Fieller's theorem; None if the interval is unbounded.
      high: Upper limit, as `low`.
      why: Reason for an unbounded interval, or "".
    """

    ratio: float | None
    low: float | None
    high: float | None
    why: str


def mean_of(values: Sequence[float] | np.ndarray) -> Mean:
    """Mean of independent repetitions with its interval, N values."""
    found = np.asarray(values, np.float64)
    center = float(found.mean())
    if len(found) < 2:
        return Mean(center, None, None)
    half = float(_t(len(found)) * found.std(ddof=1) / math.sqrt(len(found)))
    return Mean(center, center - half, center + half)


def ratio_of(numerators: Sequence[float] | np.ndarray, denominators: Sequence[float] | np.ndarray) -> Ratio:
    """Ratio of two mean gains, both measured in each of N repetitions.

    Fieller (1954): all r for which the mean of numerator - r * denominator does not differ from 0, by a paired t test.
    These r are the solutions of

        (b^2 - t^2 s_bb) r^2 - 2 (a b - t^2 s_ab) r + (a^2 - t^2 s_aa) <= 0

    with means a, b and the variances and covariance s of the means. Where the denominator's own interval reaches 0, the
    first factor is not positive, and the set is everything or everything but an interval: there is no bounded one.
    """
    a, b = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    over, under = float(a.mean()), float(b.mean())
    ratio = over / under if under else None
    if len(a) < 2:
        return Ratio(ratio, None, None, "a single repetition")
    (aa, ab), (_, bb) = np.cov(a, b) / len(a)
    t2 = _t(len(a)) ** 2
    square, middle, rest = under**2 - t2 * bb, over * under - t2 * ab, over**2 - t2 * aa
    if square <= 0:
        return Ratio(ratio, None, None, "the denominator may be 0")
    root = math.sqrt(max(middle**2 - square * rest, 0.0))
    return Ratio(ratio, (middle - root) / square, (middle + root) / square, "")


def _t(count: int) -> float:
    return float(stats.t.ppf((1 + LEVEL) / 2, count - 1))
