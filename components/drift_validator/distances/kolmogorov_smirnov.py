"""The Kolmogorov-Smirnov distance: the Chebyshev distance between two distribution functions."""

import math
from functools import lru_cache

import numpy as np
from scipy.special import gammaln, kolmogi, kolmogorov

from components.drift_validator.distances.aligned_histograms import Aligned, share_differences
from components.drift_validator.distances.distance_result import Measured
from components.drift_validator.distances.formatting import number, percent, point
from components.drift_validator.distances.hypergeometric import far_apart, last_likely

_EXACT_PATHS = 100_000
_TRUSTED = 1e-9
_FEW = 32


def kolmogorov_smirnov(both: Aligned, measure: str = "kolmogorov_smirnov") -> Measured:
    """D = sup over x of |F(x) - G(x)|, with F and G the shares of values at or below x.

    The p-value is P(D >= d) for two samples of these sizes from one continuous distribution (Smirnov 1939): exact by
    counting lattice paths (Hodges 1957) while n m is at most 100,000, else Kolmogorov's limit
    2 sum_j (-1)^(j-1) exp(-2 j^2 z^2), z = d sqrt(n m / (n + m)): larger than the exact law, but for a thousandth of it
    where n = m and p is large. Where values tie, the true probability is smaller, much so for a label of 0 and 1: of at
    most 32 values the union bound over the points of the exact hypergeometric law (as of `chebyshev`; of two values it
    is the law itself) is taken where it is less. Both bound the same probability, so the lesser does.
    Where distributions were compressed, d less the largest error counts.

    Args:
      both: The two distributions; numbers.
      measure: Its name in the result.

    Returns:
      0 = identical, 1 = all of one side lies below all of the other; named is the first point where it is attained.
      A side without any value has F = 0 everywhere, and tells nothing: p-value 1.
    """
    differences, denominator = share_differences(both, cumulated=True)
    farthest = int(differences.max()) if len(differences) else 0
    distance = farthest / denominator
    law = _Law(both)
    if farthest == 0:
        return Measured(measure, 0.0, None, None, None, 1.0, law.critical)
    at = int(np.argmax(differences))
    n, m = both.sizes
    f = int(both.baseline[: at + 1].sum()) / max(n, 1)
    g = int(both.current[: at + 1].sum()) / max(m, 1)
    value = float(both.values[at])
    detail = f"at or below {number(value)}: was {percent(f)}, is {percent(g)}"
    return Measured(measure, distance, point(value), f, g, law.p_value(farthest, denominator), law.critical, detail)


class _Law:
    def __init__(self, both: Aligned) -> None:
        self.n, self.m = (int(size // both.design_effect) for size in both.sizes)
        self.rank_error = both.rank_error
        self.exact = self.n * self.m <= _EXACT_PATHS
        pooled = both.baseline + both.current
        few = len(pooled) <= _FEW and self.rank_error == 0 and (self.n, self.m) == tuple(both.sizes)
        self.steps = np.cumsum(pooled)[:-1] if few else None

    def p_value(self, far: int, denominator: int) -> float:
        if self.n == 0 or self.m == 0:
            return 1.0
        return min(self._continuous(far, denominator), self._of_few(far * self.n * self.m // denominator))

    def _of_few(self, far: int) -> float:
        if self.steps is None:
            return 1.0
        return min(1.0, float(far_apart(self.steps, self.n, self.m, far).sum()))

    def _continuous(self, far: int, denominator: int) -> float:
        if self.exact and self.rank_error == 0:
            # On the lattice of the sizes that count; the same numbers where no design effect shrank them.
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
            distance = min(distance, last_likely(self._of_few, self.n, self.m, level) / top)
        return min(1.0, distance + self.rank_error)


@lru_cache(maxsize=4096)
def _last_likely(n: int, m: int, level: float) -> int:
    return last_likely(lambda far: _p_value(n, m, far), n, m, level)


def _p_value(n: int, m: int, far: int) -> float:
    exact = outside(n, m, far)
    if exact > _TRUSTED:
        return exact
    return float(kolmogorov(far / math.sqrt(n * m * (n + m))))  # one less nearly one has no digits left


@lru_cache(maxsize=4096)
def outside(n: int, m: int, far: int) -> float:
    """P(max |i m - j n| >= far) over the lattice paths from (0, 0) to (n, m), all equally likely."""
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
