"""The Kolmogorov-Smirnov distance between two distributions over numbers."""

import math
from functools import lru_cache

import numpy as np
from scipy.special import gammaln, kolmogi, kolmogorov

from components.drift_validator.distances.aligned_histograms import AlignedHistograms, share_differences
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.formatting import number, percent, point
from components.drift_validator.distances.hypergeometric import critical_distance, quantile, two_sided_p_value

_EXACT_PATHS = 100_000
_TRUSTED = 1e-9
_FEW = 32


def kolmogorov_smirnov(both: AlignedHistograms, measure: str = "kolmogorov_smirnov") -> DistanceResult:
    """Computes D = sup over x of |F(x) - G(x)|, with F and G the shares of values at or below x.

    The p-value is P(D >= d) for two samples of these sizes from one continuous distribution (Smirnov 1939). For n m up
    to 100,000 it is exact, by counting lattice paths (Hodges 1957). Beyond, it is Kolmogorov's asymptotic value
    2 sum_j (-1)^(j-1) exp(-2 j^2 z^2), z = d sqrt(n m / (n + m)), which is larger than the exact one, or by 0.1 %
    smaller where n = m and p is large.

    With ties the true probability is smaller, for instance for a label with values 0 and 1. With at most 32 distinct
    values, a union bound of exact hypergeometric tails (as for `chebyshev`; exact for two values) is computed, too, and
    the smaller of the two bounds is returned. For approximate sketches, d is reduced by their rank error.

    Args:
      both: The two distributions over numbers.
      measure: Name of the measure in the result.

    Returns:
      Distance in [0, 1]: 0 = identical, 1 = all values of one sample are below all values of the other. The first point
      where it is attained is reported. With an empty sample the p-value is 1.
    """
    differences, denominator = share_differences(both, cumulated=True)
    largest_difference = int(differences.max()) if len(differences) else 0
    distance = largest_difference / denominator
    null = _NullDistribution(both)
    if largest_difference == 0:
        return DistanceResult(measure, 0.0, None, None, None, 1.0, null.critical)
    at = int(np.argmax(differences))
    n, m = both.sizes
    f = int(both.baseline[: at + 1].sum()) / max(n, 1)
    g = int(both.current[: at + 1].sum()) / max(m, 1)
    value = float(both.values[at])
    detail = f"at or below {number(value)}: was {percent(f)}, is {percent(g)}"
    return DistanceResult(
        measure, distance, point(value), f, g, null.p_value(largest_difference, denominator), null.critical, detail
    )


class _NullDistribution:
    """Null distribution of the distance, for continuous values and for few tied values."""

    def __init__(self, both: AlignedHistograms) -> None:
        self.n, self.m = (int(size // both.design_effect) for size in both.sizes)
        self.rank_error = both.rank_error
        self.exact = self.n * self.m <= _EXACT_PATHS
        pooled = both.baseline + both.current
        few = len(pooled) <= _FEW and self.rank_error == 0 and (self.n, self.m) == tuple(both.sizes)
        self.steps = np.cumsum(pooled)[:-1] if few else None

    def p_value(self, far: int, denominator: int) -> float:
        if self.n == 0 or self.m == 0:
            return 1.0
        return min(self._continuous(far, denominator), self._with_ties(far * self.n * self.m // denominator))

    def _with_ties(self, far: int) -> float:
        if self.steps is None:
            return 1.0
        return min(1.0, float(two_sided_p_value(self.steps, self.n, self.m, far).sum()))

    def _continuous(self, far: int, denominator: int) -> float:
        if self.exact and self.rank_error == 0:
            # Rescale to the effective sample sizes; they equal the sizes where the design effect is 1.
            return _p_value(self.n, self.m, -(-far * self.n * self.m // denominator))
        distance = max(0.0, far / denominator - self.rank_error)
        if self.exact:
            return _p_value(self.n, self.m, math.ceil(distance * self.n * self.m - _TRUSTED))
        return float(kolmogorov(distance * math.sqrt(self.n * self.m / (self.n + self.m))))

    def critical(self, level: float) -> float:
        top = self.n * self.m
        if top == 0:
            return 1.0
        if self.exact:
            distance = _last_likely(self.n, self.m, level) / top
        else:
            distance = float(kolmogi(level)) * math.sqrt((self.n + self.m) / top)
        if self.steps is not None:
            ties = critical_distance(self.steps, np.ones(len(self.steps)), self.n, self.m, level)
            distance = min(distance, ties / top)
        return min(1.0, distance + self.rank_error)


@lru_cache(maxsize=4096)
def _last_likely(n: int, m: int, level: float) -> int:
    return quantile(lambda far: _p_value(n, m, far), n, m, level)


def _p_value(n: int, m: int, far: int) -> float:
    exact = outside(n, m, far)
    if exact > _TRUSTED:
        return exact
    return float(kolmogorov(far / math.sqrt(n * m * (n + m))))  # 1 - x loses all digits for x near 1


@lru_cache(maxsize=4096)
def outside(n: int, m: int, far: int) -> float:
    """Computes P(max |i m - j n| >= far) over uniformly distributed lattice paths from (0, 0) to (n, m).

    Args:
      n: Size of one sample.
      m: Size of the other sample.
      far: Distance times n m.
    """
    n, m = min(n, m), max(n, m)
    column = np.arange(m + 1, dtype=np.int64)
    paths, scale = (column * n < far).astype(float), 0.0
    for i in range(1, n + 1):
        within = np.abs(i * m - column * n) < far
        paths = np.cumsum(paths * within) * within
        largest = paths.max()
        if largest == 0:
            return 1.0
        if largest > 1e200:
            paths, scale = paths / largest, scale + math.log(largest)
    if paths[-1] == 0:
        return 1.0
    log_all = float(gammaln(n + m + 1) - gammaln(n + 1) - gammaln(m + 1))
    return min(1.0, max(0.0, -math.expm1(math.log(paths[-1]) + scale - log_all)))
