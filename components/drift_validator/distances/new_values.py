"""Values that occur in one sample only: new categories, missing categories, and numbers out of range."""

import math
from bisect import bisect_left
from dataclasses import replace
from functools import partial

import numpy as np

from components.drift_validator.distances.aligned_histograms import AlignedHistograms, PooledSample
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.formatting import number, percent, point, quoted
from components.drift_validator.distances.hypergeometric import all_on_one_side
from components.drift_validator.sketches.sketch import NumberCounts

_TILTS = np.logspace(-5, 1.5, 80)


def new_categories(both: AlignedHistograms) -> DistanceResult:
    """Computes the share of current values that do not occur in the baseline.

    Rare values are expected to be absent from a sample by chance. The p-value is twice the smaller of two (Bonferroni):
      - for the count c of the most frequent unseen value: the sum, over the values with a pooled count t of at least c,
        of P(all t in one sample) = m (m-1) ... (m-t+1) / N (N-1) ... (N-t+1), a union bound;
      - for the number S of unseen values: Chernoff's bound min over h of E exp(h S) exp(-h s), where E exp(h S) is at
        most the product over the single values, because these events are negatively associated (Joag-Dev and
        Proschan 1983).
    `critical` is the critical value of the second test.

    With a small baseline the share S is large without any drift. `corrected` is (S - G) / (1 - G), at least 0, with G
    the share of unknown values that a sample of this size expects, see `unknown_share`. So it estimates the share of
    the current values that are new to the population of the baseline, and not only to its sample.

    Args:
      both: The two distributions over texts.

    Returns:
      Distance in [0, 1]: 0 = all values are known, 1 = none is. The most frequent unseen value is reported. With an
      empty sample the p-value is 1.
    """
    return _one_sided(both, both.current, both.baseline, "unseen")


def missing_categories(both: AlignedHistograms) -> DistanceResult:
    """Computes the share of baseline values that do not occur in current; the reverse of `new_categories`."""
    return _one_sided(both, both.baseline, both.current, "vanished")


def out_of_range(baseline: NumberCounts, current: NumberCounts, design_effect: float = 1.0) -> DistanceResult:
    """Computes the share of current values outside the range of the baseline; infinities count as values.

    P(at least a values above and at least b below) = P(the top a and the bottom b of the pooled sample are all current)
    = m (m-1) ... (m-k+1) / N (N-1) ... (N-k+1) with k = a + b; with ties it is at most that. The p-value is the union
    bound over the k + 1 ways to split k. In approximate sketches the extremes are exact; k is reduced by the number of
    values that may have been merged.

    Args:
      baseline: Baseline sample.
      current: Current sample.
      design_effect: See AlignedHistograms.

    Returns:
      Distance in [0, 1]: 0 = all values are in range, 1 = none is. The value furthest outside is reported. With an
      empty sample the distance is 0 and the p-value 1.
    """
    return _outside(baseline, current, design_effect, "out_of_range", "of the baseline")


def range_shrinkage(baseline: NumberCounts, current: NumberCounts, design_effect: float = 1.0) -> DistanceResult:
    """Computes the share of baseline values outside the range of current: `out_of_range` with the samples exchanged.

    It detects clipped values, or a sensor that no longer covers its range.

    Args:
      baseline: Baseline sample.
      current: Current sample.
      design_effect: See AlignedHistograms.
    """
    found = _outside(current, baseline, design_effect, "range_lost", "that there is now")
    return replace(found, baseline_share=found.current_share, current_share=0.0)


def unknown_share(counts: np.ndarray) -> float:
    """Estimates the share of a population's values that a sample does not contain, by an upper limit of one sigma.

    With N_1 values that occur once and N_2 that occur twice in a sample of n, Good's and Turing's estimate is N_1 / n
    (Good 1953, The population frequencies of species), with the variance (N_1 + 2 N_2) / n^2 - N_1^2 / n^3 (Esty 1983,
    A normal limit law for a nonparametric estimator of the coverage of a random sample).

    Args:
      counts: Counts of the sample, [V].

    Returns:
      Share in [0, 1]; 1 for an empty sample.
    """
    n = int(counts.sum())
    if not n:
        return 1.0
    once, twice = int(np.count_nonzero(counts == 1)), int(np.count_nonzero(counts == 2))
    variance = (once + 2 * twice) / n**2 - once**2 / n**3
    return min(1.0, once / n + math.sqrt(max(0.0, variance)))


def _outside(
    baseline: NumberCounts, current: NumberCounts, design_effect: float, measure: str, of: str
) -> DistanceResult:
    """`out_of_range` of `current` against `baseline`; `range_shrinkage` exchanges them."""
    sizes = int(baseline.counts.sum()), int(current.counts.sum())
    n, m = (int(size // design_effect) for size in sizes)

    def tail(k: int) -> float:
        log = float(all_on_one_side(np.array([k]), m, n + m)[0])
        return min(1.0, (k + 1) * math.exp(log)) if n and m else 1.0

    def critical(level: float) -> float:
        if not n or not m:
            return 1.0
        significant = bisect_left(range(m + 1), -level, key=lambda k: -tail(k))
        return min(1.0, (significant - 1) / m + 2 * current.rank_error)

    measured = partial(DistanceResult, measure, baseline_share=0.0, critical=critical)
    if not all(sizes):
        return measured(0.0, current_share=0.0, p_value=1.0)
    least, greatest = float(baseline.values[0]), float(baseline.values[-1])
    below, above = current.values < least, current.values > greatest
    count = int(current.counts[below | above].sum())
    if count == 0:
        return measured(0.0, current_share=0.0, p_value=1.0)
    lowest, highest = float(current.values[0]), float(current.values[-1])
    is_above = above.any() and (not below.any() or highest - greatest >= least - lowest)
    value, share = (highest if is_above else lowest), count / sizes[1]
    certain = max(0, count - math.ceil(current.rank_error * sizes[1]) * (int(below.any()) + int(above.any())))
    detail = f"{number(value)} is {'above' if is_above else 'below'} all {of} "
    detail += f"({number(least)} to {number(greatest)}), {percent(share)} of the values outside"
    p_value = tail(int(certain // design_effect))
    return measured(share, at=point(value), current_share=share, p_value=p_value, detail=detail)


def _one_sided(both: AlignedHistograms, here: np.ndarray, there: np.ndarray, measure: str) -> DistanceResult:
    size, other = int(here.sum()), int(there.sum())
    null = _NullDistribution(both, here is both.current)
    shares = (0.0, 0.0)
    alone = np.where(there == 0, here, 0)
    mass = int(alone.sum())
    if mass == 0:
        return DistanceResult(measure, 0.0, None, *shares, 1.0, null.critical, corrected=0.0)
    share, most = mass / size, int(alone.max())
    at = both.values[both.first(np.flatnonzero(alone == most))].as_py()
    kinds = int(np.count_nonzero(alone))
    more = f" and {kinds - 1:,} more value{'s' if kinds > 2 else ''}" if kinds > 1 else ""
    if measure == "unseen":
        detail, shares = f"{quoted(at)}{more} not in the baseline, {percent(share)} of the values", (0.0, most / size)
    else:
        detail = f"{quoted(at)}{more} of the baseline gone, {percent(share)} of its values"
        shares = (most / size, 0.0)
    p_value = null.p_value(mass / size, most) if other else 1.0
    unknown = unknown_share(there)
    corrected = max(0.0, (share - unknown) / (1 - unknown)) if unknown < 1 else 0.0
    return DistanceResult(measure, share, at, *shares, p_value, null.critical, detail, corrected)


class _NullDistribution:
    """Null distribution for values in one sample only: of the most frequent one's count, and of their number S."""

    def __init__(self, both: AlignedHistograms, current: bool) -> None:
        self.both, self.on_current = both, current

    def p_value(self, share: float, most: int) -> float:
        pooled, side, log = self._probabilities()
        if not pooled.n or not pooled.m:
            return 1.0
        shrink = self.both.sizes[self.on_current] / side
        likely = pooled.counts >= most // shrink
        largest = float(pooled.times[likely] @ np.exp(log[likely]))
        mass = math.exp(min(0.0, float(np.min(self._log_moments(pooled, log) - _TILTS * (share * side)))))
        return min(1.0, 2 * largest, 2 * mass)

    def critical(self, level: float) -> float:
        pooled, side, log = self._probabilities()
        if not pooled.n or not pooled.m or not len(pooled.counts):
            return 1.0
        return min(1.0, float(np.min((self._log_moments(pooled, log) - math.log(level / 2)) / _TILTS)) / side)

    def _probabilities(self) -> tuple[PooledSample, int, np.ndarray]:
        pooled = self.both.pooled
        side = pooled.m if self.on_current else pooled.n
        return pooled, side, all_on_one_side(pooled.counts, side, pooled.n + pooled.m)

    @staticmethod
    def _log_moments(pooled: PooledSample, log: np.ndarray) -> np.ndarray:
        """Log of the bound on E exp(h S) for each tilt h."""
        reachable = np.isfinite(log)
        log, counts, times = log[reachable], pooled.counts[reachable], pooled.times[reachable]
        with np.errstate(divide="ignore"):
            rest = np.log(-np.expm1(log))
        return np.logaddexp(rest, log + _TILTS[:, None] * counts) @ times.astype(float)
