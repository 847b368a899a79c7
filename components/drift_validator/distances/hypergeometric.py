"""The hypergeometric distribution, the null distribution of the count of one value in the baseline sample.

If both samples are drawn from one distribution, all assignments of the N = n + m pooled values to the two samples are
equally likely (permutation test). Of t equal values, C are then in the baseline sample, with
P(C = k) = C(t, k) C(N - t, n - k) / C(N, n) and mean t n / N, for any underlying distribution. Probabilities returned
here are upper bounds; docstrings give their accuracy.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import gammaln

_BLOCKS = 40
_REACH = 10
"""Standard deviations, and half as many counts, beyond which tails are below 1e-20."""
_MAX_STEPS = 1 << 17
_SMALLEST_LEVEL = 1e-15


def two_sided_p_value(counts: np.ndarray, n: int, m: int, far: int) -> np.ndarray:
    """Computes P(|C/n - (t - C)/m| >= far / (n m)), the two-sided tail, at most 1 % above the exact value.

    Args:
      counts: Pooled counts t, int64 [V].
      n: Size of the baseline sample.
      m: Size of the current sample.
      far: Distance times n m.

    Returns:
      Probabilities [V].
    """
    total = n + m
    upper = -((-counts * n - far) // total)  # the smallest k with k N - t n >= far
    lower = (counts * n - far) // total  # the largest with t n - k N >= far
    return (
        np.minimum(survival(upper, counts, n, m) + survival(counts - lower, counts, m, n), 1.0)
        if far > 0
        else (np.ones(len(counts)))
    )


def survival(k: np.ndarray, t: np.ndarray, n: int, m: int) -> np.ndarray:
    """Computes an upper bound of P(C >= k).

    The ratio r_k = P(k + 1) / P(k) decreases with k, so the sum of s terms from k on is at most
    P(k) (1 - r_k^s) / (1 - r_k). The tail is summed in blocks of a fraction of the standard deviation, which keeps the
    bound within 1 % of the exact sum; with s = 1 (small counts) it is exact. Up to the mode the bound is 1.

    Args:
      k: Lower limits, [V].
      t: Pooled counts, [V].
      n: Size of the baseline sample.
      m: Size of the current sample.
    """
    result = np.where(k > np.minimum(t, n), 0.0, 1.0)
    wanted = np.flatnonzero((k <= np.minimum(t, n)) & (_ratio(k, t, n, m) < 1) & (k > np.maximum(0, t - m)))
    if not len(wanted):
        return result
    k, t = k[wanted], t[wanted]
    step = np.maximum(1, (standard_deviation(t, n, m) / 6).astype(np.int64))[:, None]
    starts = np.minimum(k[:, None] + step * np.arange(_BLOCKS), np.minimum(t, n)[:, None] + 1)
    ratio = _ratio(starts, t[:, None], n, m)
    length = np.broadcast_to(step, starts.shape).astype(float)
    length[:, -1] = np.inf  # the last block covers the rest of the tail
    terms = pmf(starts, t[:, None], n, m) * (1 - ratio**length) / (1 - ratio)
    result[wanted] = np.minimum(terms.sum(axis=1), 1.0)
    return result


def pmf(k: np.ndarray, t: np.ndarray, n: int, m: int) -> np.ndarray:
    """Computes P(C = k).

    Args:
      k: Counts in the baseline sample.
      t: Pooled counts.
      n: Size of the baseline sample.
      m: Size of the current sample.
    """
    possible = (k >= 0) & (k <= t) & (k <= n) & (t - k <= m)
    k = np.where(possible, k, np.maximum(0, t - m))
    log = _choose(t, k) + _choose(n + m - t, n - k) - _choose(np.asarray(n + m), np.asarray(n))
    return np.where(possible, np.exp(np.minimum(log, 0.0)), 0.0)


def standard_deviation(t: np.ndarray, n: int, m: int) -> np.ndarray:
    """Computes the standard deviation of C: sqrt(t (N - t) n m / (N^2 (N - 1))).

    Args:
      t: Pooled counts.
      n: Size of the baseline sample.
      m: Size of the current sample.
    """
    total = float(n + m)
    return np.sqrt(t * (total - t) * (n / total) * (m / total) / max(total - 1, 1))


def mean_absolute_deviation(t: np.ndarray, n: int, m: int) -> np.ndarray:
    """Computes E|C - t n / N| = 2 k (m - t + k) P(C = k) / N, with k the smallest integer above the mean; exact.

    With g(k) = k (m - t + k) P(k), g(k) - g(k + 1) = N (k - t n / N) P(k), so the sum over all k above the mean
    telescopes (as de Moivre's for the binomial distribution).

    Args:
      t: Pooled counts.
      n: Size of the baseline sample.
      m: Size of the current sample.
    """
    k = t * n // (n + m) + 1
    return 2 * k * np.maximum(m - t + k, 0.0) * pmf(k, t, n, m) / (n + m)


def all_on_one_side(counts: np.ndarray, side: int, total: int) -> np.ndarray:
    """Computes the log probability that all t equal values are in the same given sample.

    Args:
      counts: Pooled counts t, [V].
      side: Size of that sample.
      total: Size of the pooled sample.

    Returns:
      Log of a ratio of falling factorials, [V]; -inf where it is impossible.
    """
    possible = counts <= side
    t = np.where(possible, counts, 0)
    log = gammaln(side + 1.0) - gammaln(side - t + 1.0) - gammaln(total + 1.0) + gammaln(total - t + 1.0)
    return np.where(possible, np.minimum(log, 0.0), -np.inf)


def critical_distance(counts: np.ndarray, times: np.ndarray, n: int, m: int, level: float) -> int:
    """Computes the largest distance, times n m, at which a union bound of two-sided tails is above a level.

    The bound is a step function of far: sum over v of times_v P(|C_v/n - (t_v - C_v)/m| >= far / (n m)). Its steps are
    computed and summed from the far end, which takes a tenth of the time of a search with `two_sided_p_value`. Where
    there are too many of them, or the level is very small, they are searched, see `quantile`.

    Args:
      counts: Pooled counts t, int64 [V]; without any, the result is 0.
      times: Weight of each of them, [V].
      n: Size of the baseline sample, at least 1.
      m: Size of the current sample, at least 1.
      level: Significance level, in (0, 1).
    """
    if not len(counts):
        return 0
    total = n + m
    reach = (_REACH * standard_deviation(counts, n, m) + 2 * _REACH).astype(np.int64)
    center = counts * n // total
    first = np.maximum(np.maximum(center - reach, 0), counts - m)
    length = np.minimum(np.minimum(center + reach, counts), n) - first + 1
    if length.sum() > _MAX_STEPS or level < _SMALLEST_LEVEL:

        def p_value(far: int) -> float:
            return min(1.0, float(times @ two_sided_p_value(counts, n, m, far)))

        return quantile(p_value, n, m, level)
    ends = np.cumsum(length)
    t = np.repeat(counts, length)
    k = np.arange(ends[-1]) - np.repeat(ends - length - first, length)
    far = np.abs(k * total - t * n)
    order = np.argsort(far)[::-1]
    bound = np.cumsum((np.repeat(times, length) * pmf(k, t, n, m))[order])
    steps = np.flatnonzero(bound > level)
    return int(far[order[steps[0]]]) if len(steps) else 0


def quantile(p_value: Callable[[int], float], n: int, m: int, level: float) -> int:
    """Searches the critical value: the largest integer up to n m whose p-value is above `level`.

    Args:
      p_value: Distance times n m -> p-value; decreasing.
      n: Size of the baseline sample.
      m: Size of the current sample.
      level: Significance level.

    Returns:
      That integer, or one that is at most 0.1 % larger.
    """
    low, high = 0, n * m + 1
    near = int(3 * math.sqrt(float(n) * m * (n + m)))  # six times a share's largest standard deviation
    if near < high:
        low, high = (low, near) if p_value(near) <= level else (near, high)
    while high - low > max(1, high // 1_000):
        middle = (low + high) // 2
        low, high = (middle, high) if p_value(middle) > level else (low, middle)
    return high - 1


def _choose(t: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Log of the binomial coefficient."""
    return gammaln(t + 1.0) - gammaln(k + 1.0) - gammaln(t - k + 1.0)


def _ratio(k: np.ndarray, t: np.ndarray, n: int, m: int) -> np.ndarray:
    """P(k + 1) / P(k)."""
    up = np.maximum(t - k, 0).astype(float) * np.maximum(n - k, 0)
    return up / np.maximum((k + 1.0) * (m - t + k + 1.0), 1.0)
