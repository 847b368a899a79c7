"""The Chebyshev distance between two distributions over categories."""

from functools import partial

import numpy as np

from components.drift_validator.distances.aligned_histograms import AlignedHistograms, share_differences
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.formatting import percent, quoted
from components.drift_validator.distances.hypergeometric import critical_distance, two_sided_p_value


def chebyshev(both: AlignedHistograms, measure: str = "chebyshev") -> DistanceResult:
    """Computes d(p, q) = max over i of |p_i - q_i|, with p and q the shares of each value (L-infinity norm).

    It equals TFDV's L_INFTY up to 1,000 distinct values, the number that TFDV keeps; missing values are not counted.

    The p-value is a union bound of the exact permutation tests of single values:
    P(max_i |p_i - q_i| >= d) <= sum_i P(|p_i - q_i| >= d). For two values, whose differences are equal, one term is
    exact. The measure detects changes of frequent categories; new_values.py detects rare values that appear or
    disappear, total_variation.py many small changes.

    Args:
      both: The two distributions over texts.
      measure: Name of the measure in the result.

    Returns:
      Distance in [0, 1]: 0 = identical, 1 = each sample has a single value and they differ. Of tied values the first in
      sorted order is reported. With an empty sample the p-value is 1.
    """
    n, m = both.sizes
    differences, denominator = share_differences(both)
    largest = int(differences.max()) if len(differences) else 0
    null = _NullDistribution(both)
    measured = partial(DistanceResult, measure, largest / denominator, critical=null.critical)
    if largest == 0:
        return measured(p_value=1.0)
    at = both.first(np.flatnonzero(differences == largest))
    p, q = int(both.baseline[at]) / max(n, 1), int(both.current[at]) / max(m, 1)
    value = both.values[at].as_py() if both.named else None
    what = quoted(value) if value is not None else "one hash bucket"
    return measured(
        at=value,
        baseline_share=p,
        current_share=q,
        p_value=null.p_value(largest, denominator),
        detail=f"{what} was {percent(p)}, is {percent(q)}",
    )


class _NullDistribution:
    """Union bound of the exact permutation tests of all values."""

    def __init__(self, both: AlignedHistograms) -> None:
        self.pooled = both.pooled
        self.counts, self.times = self.pooled.counts, self.pooled.times.astype(float)
        if len(both.values) == 2:
            self.counts, self.times = self.counts[:1], np.ones(1)
        self.undefined = not self.pooled.n or not self.pooled.m or len(both.values) < 2

    def p_value(self, far: int, denominator: int) -> float:
        return self._bound(far * self.pooled.n * self.pooled.m // denominator)

    def critical(self, level: float) -> float:
        if self.undefined:
            return 1.0
        n, m = self.pooled.n, self.pooled.m
        return critical_distance(self.counts, self.times, n, m, level) / (n * m)

    def _bound(self, far: int) -> float:
        if self.undefined:
            return 1.0
        return min(1.0, float(self.times @ two_sided_p_value(self.counts, self.pooled.n, self.pooled.m, far)))
