"""Values that one side alone holds: unseen before, vanished since, outside of the other's range."""

import math
from bisect import bisect_left
from dataclasses import replace
from functools import partial

import numpy as np

from components.drift_validator.distances.aligned_histograms import Aligned, Pooled
from components.drift_validator.distances.distance_result import Measured
from components.drift_validator.distances.formatting import number, percent, point, quoted
from components.drift_validator.distances.hypergeometric import all_on_one_side
from components.drift_validator.sketches.sketch import Numbers

_TILTS = np.logspace(-5, 1.5, 80)


def unseen(both: Aligned) -> Measured:
    """Share of current's values that the baseline does not hold; named is the most frequent one.

    0 = all are known, 1 = none is. What is rare is expected to be unseen now and then, so the p-value asks two
    questions and doubles the better answer (Bonferroni):
      - the most frequent unseen value, seen c times: the sum, over the values with a pooled count t of at least c, of
        P(all t on one side) = m (m-1) ... (m-t+1) / N (N-1) ... (N-t+1); a union bound;
      - their number S: Chernoff's bound min over h of E exp(h S) exp(-h s), with E exp(h S) at most the product of the
        single values' (that all of a value lie on one side are negatively associated events; Joag-Dev and
        Proschan 1983).
    Beyond `critical` the second alone is significant. Without values on one side: p-value 1.
    """
    return _alone(both, both.current, both.baseline, "unseen")


def vanished(both: Aligned) -> Measured:
    """Share of the baseline's values that current does not hold; `unseen` with the sides exchanged."""
    return _alone(both, both.baseline, both.current, "vanished")


def out_of_range(baseline: Numbers, current: Numbers, design_effect: float = 1.0) -> Measured:
    """Share of current's values below the least or above the greatest of the baseline's; infinities are values.

    P(at least a above and at least b below) = P(the top a and the bottom b of the pooled sample are all current's)
    = m (m-1) ... (m-k+1) / N (N-1) ... (N-k+1) with k = a + b, for ties at most that; over the k + 1 ways to split k, a
    union bound. Of compressed distributions (whose extremes are exact) as many values as may have been merged are left
    out of k.

    Returns:
      0 = all within, 1 = all outside; named is the value furthest outside. Without values on one side: 0, p-value 1.
    """
    return _outside(baseline, current, design_effect, "out_of_range", "of the baseline")


def range_lost(baseline: Numbers, current: Numbers, design_effect: float = 1.0) -> Measured:
    """Share of the baseline's values outside of current's range; `out_of_range` with the sides exchanged.

    Values that are clipped, or a sensor that no longer reaches its ends.
    """
    found = _outside(current, baseline, design_effect, "range_lost", "that there is now")
    return replace(found, baseline_share=found.current_share, current_share=0.0)


def _outside(baseline: Numbers, current: Numbers, design_effect: float, measure: str, of: str) -> Measured:
    """`out_of_range` of `current` against `baseline`, whichever they are."""
    sizes = int(baseline.counts.sum()), int(current.counts.sum())
    n, m = (int(size // design_effect) for size in sizes)

    def law(k: int) -> float:
        log = float(all_on_one_side(np.array([k]), m, n + m)[0])
        return min(1.0, (k + 1) * math.exp(log)) if n and m else 1.0

    def critical(level: float) -> float:
        if not n or not m:
            return 1.0
        significant = bisect_left(range(m + 1), -level, key=lambda k: -law(k))
        return min(1.0, (significant - 1) / m + 2 * current.rank_error)

    measured = partial(Measured, measure, baseline_share=0.0, critical=critical)
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
    sure = max(0, count - math.ceil(current.rank_error * sizes[1]) * (int(below.any()) + int(above.any())))
    detail = f"{number(value)} is {'above' if is_above else 'below'} all {of} "
    detail += f"({number(least)} to {number(greatest)}), {percent(share)} of the values outside"
    p_value = law(int(sure // design_effect))
    return measured(share, at=point(value), current_share=share, p_value=p_value, detail=detail)


def _alone(both: Aligned, here: np.ndarray, there: np.ndarray, measure: str) -> Measured:
    size, other = int(here.sum()), int(there.sum())
    law = _Law(both, here is both.current)
    shares = (0.0, 0.0)
    alone = np.where(there == 0, here, 0)
    mass = int(alone.sum())
    if mass == 0:
        return Measured(measure, 0.0, None, *shares, 1.0, law.critical)
    share, most = mass / size, int(alone.max())
    at = both.values[both.first(np.flatnonzero(alone == most))].as_py()
    kinds = int(np.count_nonzero(alone))
    more = f" and {kinds - 1:,} more value{'s' if kinds > 2 else ''}" if kinds > 1 else ""
    if measure == "unseen":
        detail, shares = f"{quoted(at)}{more} not in the baseline, {percent(share)} of the values", (0.0, most / size)
    else:
        detail = f"{quoted(at)}{more} of the baseline gone, {percent(share)} of its values"
        shares = (most / size, 0.0)
    p_value = law.p_value(mass / size, most) if other else 1.0
    return Measured(measure, share, at, *shares, p_value, law.critical, detail)


class _Law:
    """Of the values that all lie on one side: of the most frequent one's count, and of their number S."""

    def __init__(self, both: Aligned, current: bool) -> None:
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

    def _probabilities(self) -> tuple[Pooled, int, np.ndarray]:
        pooled = self.both.pooled
        side = pooled.m if self.on_current else pooled.n
        return pooled, side, all_on_one_side(pooled.counts, side, pooled.n + pooled.m)

    @staticmethod
    def _log_moments(pooled: Pooled, log: np.ndarray) -> np.ndarray:
        """Log of the bound on E exp(h S) for each tilt h."""
        reachable = np.isfinite(log)
        log, counts, times = log[reachable], pooled.counts[reachable], pooled.times[reachable]
        with np.errstate(divide="ignore"):
            rest = np.log(-np.expm1(log))
        return np.logaddexp(rest, log + _TILTS[:, None] * counts) @ times.astype(float)
