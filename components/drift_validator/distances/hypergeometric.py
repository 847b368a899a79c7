"""How many of K marked values fall on the baseline's side when chance alone decides: the hypergeometric law.

If both samples come from one distribution, every way to deal the N = n + m pooled values out to two sides is equally
likely (the permutation law). Of the t values that are equal, C then lie on the baseline's side, with
P(C = k) = C(t, k) C(N - t, n - k) / C(N, n), mean t n / N. No assumption on the distribution is made.
Everything here is an upper bound, as close as is said.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import gammaln

_BLOCKS = 40


def far_apart(counts: np.ndarray, n: int, m: int, far: int) -> np.ndarray:
    """P(|C/n - (t - C)/m| >= far / (n m)) for each pooled count t: both tails; at most 1 % above the exact law."""
    total = n + m
    upper = -((-counts * n - far) // total)  # the least k with k N - t n >= far
    lower = (counts * n - far) // total  # the largest with t n - k N >= far
    return (
        np.minimum(at_least(upper, counts, n, m) + at_least(counts - lower, counts, m, n), 1.0)
        if far > 0
        else (np.ones(len(counts)))
    )


def at_least(k: np.ndarray, t: np.ndarray, n: int, m: int) -> np.ndarray:
    """P(C >= k), never too small.

    The ratio r_k = P(k + 1) / P(k) falls with k, so that s terms from k on add up to no more than
    P(k) (1 - r_k^s) / (1 - r_k). Blocks of a fraction of the standard deviation keep that within 1 % of the sum, and
    with s = 1 (small counts) it is exact. Up to the mode, where no one needs a p-value, the bound is 1.
    """
    result = np.where(k > np.minimum(t, n), 0.0, 1.0)
    wanted = np.flatnonzero((k <= np.minimum(t, n)) & (_ratio(k, t, n, m) < 1) & (k > np.maximum(0, t - m)))
    if not len(wanted):
        return result
    k, t = k[wanted], t[wanted]
    step = np.maximum(1, (deviation(t, n, m) / 6).astype(np.int64))[:, None]
    starts = np.minimum(k[:, None] + step * np.arange(_BLOCKS), np.minimum(t, n)[:, None] + 1)
    ratio = _ratio(starts, t[:, None], n, m)
    length = np.broadcast_to(step, starts.shape).astype(float)
    length[:, -1] = np.inf  # the rest
    terms = probability(starts, t[:, None], n, m) * (1 - ratio**length) / (1 - ratio)
    result[wanted] = np.minimum(terms.sum(axis=1), 1.0)
    return result


def probability(k: np.ndarray, t: np.ndarray, n: int, m: int) -> np.ndarray:
    """P(C = k)."""
    possible = (k >= 0) & (k <= t) & (k <= n) & (t - k <= m)
    k = np.where(possible, k, np.maximum(0, t - m))
    log = _choose(t, k) + _choose(n + m - t, n - k) - _choose(np.asarray(n + m), np.asarray(n))
    return np.where(possible, np.exp(np.minimum(log, 0.0)), 0.0)


def deviation(t: np.ndarray, n: int, m: int) -> np.ndarray:
    """The standard deviation of C: sqrt(t (N - t) n m / (N^2 (N - 1)))."""
    total = float(n + m)
    return np.sqrt(t * (total - t) * (n / total) * (m / total) / max(total - 1, 1))


def mean_absolute_deviation(t: np.ndarray, n: int, m: int) -> np.ndarray:
    """E|C - t n / N| = 2 k (m - t + k) P(C = k) / N, at the least integer k above the mean; exact.

    With g(k) = k (m - t + k) P(k), g(k) - g(k + 1) = N (k - t n / N) P(k): the sum over all k above the mean telescopes
    (as de Moivre's does for the binomial law).
    """
    k = t * n // (n + m) + 1
    return 2 * k * np.maximum(m - t + k, 0.0) * probability(k, t, n, m) / (n + m)


def all_on_one_side(counts: np.ndarray, side: int, total: int) -> np.ndarray:
    """Log of P(all t equal values lie on a side of `side` of the `total` values), a ratio of falling factorials."""
    possible = counts <= side
    t = np.where(possible, counts, 0)
    log = gammaln(side + 1.0) - gammaln(side - t + 1.0) - gammaln(total + 1.0) + gammaln(total - t + 1.0)
    return np.where(possible, np.minimum(log, 0.0), -np.inf)


def last_likely(p_value: Callable[[int], float], n: int, m: int, level: float) -> int:
    """The largest integer up to n m whose p-value is above `level`, or one that is at most 0.1 % larger.

    Args:
      p_value: Of far / (n m); falls.
      n: Number of values on the baseline's side.
      m: Number of values on the current side.
      level: Of significance.
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
