"""The Chebyshev distance between two distributions over categories."""

from functools import partial

import numpy as np

from components.drift_validator.distances.aligned_histograms import Aligned, share_differences
from components.drift_validator.distances.distance_result import Measured
from components.drift_validator.distances.formatting import percent, quoted
from components.drift_validator.distances.hypergeometric import far_apart, last_likely


def chebyshev(both: Aligned, measure: str = "chebyshev") -> Measured:
    """d(p, q) = max over i of |p_i - q_i|, with p and q the shares of each value (L-infinity norm).

    TFDV's L_INFTY, over the values that are there, where TFDV keeps them all (it keeps 1,000).

    The p-value is a union bound over the values of the exact law of one value's share under permutation:
    P(max_i |p_i - q_i| >= d) <= sum_i P(|p_i - q_i| >= d). For two values, which always differ by the same, one term
    is the law itself. The distance is that of the large categories and so is its p-value: a rare value that comes or
    goes is novelty.py's, many small moves are total_variation.py's.

    Args:
      both: The two distributions; texts.
      measure: Its name in the result.

    Returns:
      0 = identical, 1 = each side has one value and they differ. Among values that tie, the first in sorted order is
      named. A side without any value has share 0 for every value, and tells nothing: p-value 1.
    """
    n, m = both.sizes
    differences, denominator = share_differences(both)
    farthest = int(differences.max()) if len(differences) else 0
    law = _Law(both)
    measured = partial(Measured, measure, farthest / denominator, critical=law.critical)
    if farthest == 0:
        return measured(p_value=1.0)
    at = both.first(np.flatnonzero(differences == farthest))
    p, q = int(both.baseline[at]) / max(n, 1), int(both.current[at]) / max(m, 1)
    value = both.values[at].as_py() if both.named else None
    what = quoted(value) if value is not None else "one hash bucket"
    return measured(
        at=value,
        baseline_share=p,
        current_share=q,
        p_value=law.p_value(farthest, denominator),
        detail=f"{what} was {percent(p)}, is {percent(q)}",
    )


class _Law:
    def __init__(self, both: Aligned) -> None:
        self.pooled = both.pooled
        self.counts, self.times = self.pooled.counts, self.pooled.times.astype(float)
        if len(both.values) == 2:
            self.counts, self.times = self.counts[:1], np.ones(1)
        self.silent = not self.pooled.n or not self.pooled.m or len(both.values) < 2

    def p_value(self, far: int, denominator: int) -> float:
        return self._bound(far * self.pooled.n * self.pooled.m // denominator)

    def critical(self, level: float) -> float:
        if self.silent:
            return 1.0
        n, m = self.pooled.n, self.pooled.m
        return last_likely(self._bound, n, m, level) / (n * m)

    def _bound(self, far: int) -> float:
        if self.silent:
            return 1.0
        return min(1.0, float(self.times @ far_apart(self.counts, self.pooled.n, self.pooled.m, far)))
