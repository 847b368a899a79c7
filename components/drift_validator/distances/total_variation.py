"""The total variation distance between two distributions over categories."""

import math

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import pearson3

from components.drift_validator.distances.aligned_histograms import AlignedHistograms, PooledSample, share_differences
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.formatting import percent
from components.drift_validator.distances.hypergeometric import (
    critical_distance,
    mean_absolute_deviation,
    pmf,
    standard_deviation,
    two_sided_p_value,
)

_SUMMED, _REACH = 8.0, 64
_SPREAD = 1 - 2 / math.pi  # the variance of |Z|, Z standard normal


def total_variation(both: AlignedHistograms) -> DistanceResult:
    """Computes d(p, q) = 1/2 sum over i of |p_i - q_i|, the largest difference in probability of any set of values.

    It adds up many small changes, of which the Chebyshev distance shows only the largest. It also adds up sampling
    noise: without drift, the distance grows with the ratio of values to rows (1 if all values are unique). The null
    distribution accounts for that. With two values it is exact. Otherwise it is a gamma distribution
    (Pearson type III) with
      - the exact mean under permutation, (N / 2 n m) sum_i E|C_i - E C_i| (hypergeometric.py);
      - the exact variances of the |C_i - E C_i| plus their covariances, bounded by those of normal variables with the
        correlations of the multivariate hypergeometric distribution: Cov(|X|, |Y|) <= (1 - 2/pi) r^2 sd(X) sd(Y);
      - the skewness of independent |C_i - E C_i|, times the square root of the ratio of the variance with covariances
        to the one without.
    Where a normal distribution with these moments gives a larger p-value, it is used. The p-value is an approximation,
    not a bound; tests check it by simulation.

    Args:
      both: The two distributions over texts.

    Returns:
      Distance in [0, 1]: 0 = identical, 1 = disjoint. With an empty sample it is 1/2 and the p-value is 1.
    """
    differences, denominator = share_differences(both)
    distance = int(differences.sum()) / (2 * denominator)
    null = _NullDistribution(both)
    detail = f"{percent(distance)} of the values would have to change" if distance else ""
    return DistanceResult(
        "total_variation", distance, p_value=null.p_value(distance), critical=null.critical, detail=detail
    )


class _NullDistribution:
    """Null distribution: exact for two values, otherwise Pearson type III with the moments under permutation."""

    def __init__(self, both: AlignedHistograms) -> None:
        self.pooled = both.pooled
        self.kinds = len(both.values)
        self.undefined = not self.pooled.n or not self.pooled.m or self.kinds < 2
        self.mean, self.spread, self.skew = (0.0, 0.0, 0.0) if self.undefined else _moments(self.pooled)

    def p_value(self, distance: float) -> float:
        if self.undefined or distance == 0 or self.spread == 0:
            return 1.0
        if self.kinds == 2:
            return self._exact(math.floor(distance * self.pooled.n * self.pooled.m + 1e-6))
        far = (distance - self.mean) / self.spread
        return float(max(pearson3.sf(far, self.skew), ndtr(-far)))

    def critical(self, level: float) -> float:
        if self.undefined or self.spread == 0:
            return 1.0
        if self.kinds == 2:
            n, m = self.pooled.n, self.pooled.m
            return critical_distance(self.pooled.counts[:1], np.ones(1), n, m, level) / (n * m)
        return min(1.0, float(self.mean + self.spread * max(pearson3.isf(level, self.skew), -ndtri(level))))

    def _exact(self, far: int) -> float:
        return float(two_sided_p_value(self.pooled.counts[:1], self.pooled.n, self.pooled.m, far)[0])


def _moments(pooled: PooledSample) -> tuple[float, float, float]:
    """Mean, standard deviation and skewness of the distance under permutation, see `total_variation`."""
    t, times, n, m = pooled.counts, pooled.times, pooled.n, pooled.m
    total = float(n + m)
    scale = total / (2.0 * n * m)
    deviations, mean = standard_deviation(t, n, m), mean_absolute_deviation(t, n, m)
    variances = np.maximum(deviations**2 - mean**2, 0.0)
    shared = deviations * t / np.maximum(total - t, 1.0)
    together = max(0.0, float(times @ shared) ** 2 - float(times @ shared**2))
    independent = float(times @ variances)
    variance = independent + _SPREAD * together
    if variance <= 0:
        return scale * float(times @ mean), 0.0, 0.0
    third = _third_moment(t, n, m, deviations) - 3 * mean * deviations**2 + 2 * mean**3
    skew = float(times @ third) / independent**1.5 * math.sqrt(variance / independent) if independent > 0 else 1.0
    return scale * float(times @ mean), scale * math.sqrt(variance), skew


def _third_moment(t: np.ndarray, n: int, m: int, deviations: np.ndarray) -> np.ndarray:
    """E|C - E C|^3: summed exactly where the standard deviation is at most 8, else that of a normal variable."""
    moment = math.sqrt(8 / math.pi) * deviations**3
    small = np.flatnonzero(deviations <= _SUMMED)
    if len(small):
        t = t[small, None]
        mean = t * (n / (n + m))
        k = np.maximum(0, np.floor(mean) - _REACH) + np.arange(2 * _REACH + 2)
        moment[small] = (np.abs(k - mean) ** 3 * pmf(k, t, n, m)).sum(axis=1)
    return moment
