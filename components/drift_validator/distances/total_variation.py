"""Total variation: how much would have to move to make one distribution over categories of the other."""

import math

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import pearson3

from components.drift_validator.distances.aligned_histograms import Aligned, Pooled, share_differences
from components.drift_validator.distances.distance_result import Measured
from components.drift_validator.distances.formatting import percent
from components.drift_validator.distances.hypergeometric import (
    deviation,
    far_apart,
    last_likely,
    mean_absolute_deviation,
    probability,
)

_SUMMED, _REACH = 8.0, 64
_SPREAD = 1 - 2 / math.pi  # the variance of |Z|, Z standard normal


def total_variation(both: Aligned) -> Measured:
    """d(p, q) = 1/2 sum over i of |p_i - q_i|: the largest difference that any set of values shows.

    Many small moves add up here where Chebyshev sees only the largest. So does chance: without any drift the distance
    grows with the number of values over the number of rows (all values unique: 1). The p-value knows that. With two
    values the law is exact. With more it is a gamma law (Pearson's type III) with
      - the exact mean under permutation, (N / 2 n m) sum_i E|C_i - E C_i| (hypergeometric.py);
      - the variance of the |C_i - E C_i|, exact, plus their covariances, bounded as for normal variables of the
        multivariate hypergeometric law's correlations: Cov(|X|, |Y|) <= (1 - 2/pi) r^2 sd(X) sd(Y);
      - the skewness of the |C_i - E C_i| if they were independent, times the square root of what the covariances add
        to the variance.
    The normal law with these moments is taken where it says more. It is an approximation, not a bound: the tests
    simulate it.

    Returns:
      0 = identical, 1 = no value in common. A side without any value has share 0 for every value (distance 1/2), and
      tells nothing: p-value 1.
    """
    differences, denominator = share_differences(both)
    distance = int(differences.sum()) / (2 * denominator)
    law = _Law(both)
    detail = f"{percent(distance)} of the values would have to change" if distance else ""
    return Measured("total_variation", distance, p_value=law.p_value(distance), critical=law.critical, detail=detail)


class _Law:
    def __init__(self, both: Aligned) -> None:
        self.pooled = both.pooled
        self.kinds = len(both.values)
        self.silent = not self.pooled.n or not self.pooled.m or self.kinds < 2
        self.mean, self.spread, self.skew = (0.0, 0.0, 0.0) if self.silent else _moments(self.pooled)

    def p_value(self, distance: float) -> float:
        if self.silent or distance == 0 or self.spread == 0:
            return 1.0
        if self.kinds == 2:
            return self._exact(math.floor(distance * self.pooled.n * self.pooled.m + 1e-6))
        far = (distance - self.mean) / self.spread
        return float(max(pearson3.sf(far, self.skew), ndtr(-far)))

    def critical(self, level: float) -> float:
        if self.silent or self.spread == 0:
            return 1.0
        if self.kinds == 2:
            n, m = self.pooled.n, self.pooled.m
            return last_likely(self._exact, n, m, level) / (n * m)
        return min(1.0, float(self.mean + self.spread * max(pearson3.isf(level, self.skew), -ndtri(level))))

    def _exact(self, far: int) -> float:
        return float(far_apart(self.pooled.counts[:1], self.pooled.n, self.pooled.m, far)[0])


def _moments(pooled: Pooled) -> tuple[float, float, float]:
    """Mean, standard deviation and skewness of the distance under permutation, as said above."""
    t, times, n, m = pooled.counts, pooled.times, pooled.n, pooled.m
    total = float(n + m)
    scale = total / (2.0 * n * m)
    deviations, mean = deviation(t, n, m), mean_absolute_deviation(t, n, m)
    alone = np.maximum(deviations**2 - mean**2, 0.0)
    shared = deviations * t / np.maximum(total - t, 1.0)
    together = max(0.0, float(times @ shared) ** 2 - float(times @ shared**2))
    independent = float(times @ alone)
    variance = independent + _SPREAD * together
    if variance <= 0:
        return scale * float(times @ mean), 0.0, 0.0
    third = _third_moment(t, n, m, deviations) - 3 * mean * deviations**2 + 2 * mean**3
    skew = float(times @ third) / independent**1.5 * math.sqrt(variance / independent) if independent > 0 else 1.0
    return scale * float(times @ mean), scale * math.sqrt(variance), skew


def _third_moment(t: np.ndarray, n: int, m: int, deviations: np.ndarray) -> np.ndarray:
    """E|C - E C|^3: summed up where the standard deviation is at most 8, else that of a normal variable."""
    moment = math.sqrt(8 / math.pi) * deviations**3
    small = np.flatnonzero(deviations <= _SUMMED)
    if len(small):
        t = t[small, None]
        mean = t * (n / (n + m))
        k = np.maximum(0, np.floor(mean) - _REACH) + np.arange(2 * _REACH + 2)
        moment[small] = (np.abs(k - mean) ** 3 * probability(k, t, n, m)).sum(axis=1)
    return moment
