"""Sequential comparison of one quantile of two arms: a confidence sequence for the ratio of their quantiles.

Let S be the number of n observations at or below the true p-quantile, ties split at random: a sum of Bernoulli(p), so

    M(S) = integral of q^S (1 - q)^(n - S) dW(q) / (p^S (1 - p)^(n - S)),    W = Beta(c p, c (1 - p))

is a non-negative martingale with mean 1 (Howard and Ramdas 2022, "Sequential estimation of quantiles with
applications to A/B testing and best-arm identification", theorem 1 with the beta-binomial mixture). The arms are
independent, so the product of M over both arms is one, too. For H0: "canary's quantile / live's quantile is in R",

    E = inf over x, y with y / x in R of M_live(S_live(x)) M_canary(S_canary(y))

is an e-process: P(E >= 1 / alpha at any look) <= alpha by Ville's inequality.

The observations are counted in log-spaced bins (arm_statistics.py). A quantile in a bin may be anywhere in it: S is
known up to the count of the bin, and the ratio up to a bin's width on either side. Both are resolved in favour of H0,
so the level holds and the interval is wider by at most two bins, 2 %.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def log_e_at_most(live: ArrayLike, canary: ArrayLike, p: float, ratio: float, bin_ratio: float) -> Floats:
    """Returns log E of H0: canary's quantile / live's quantile <= `ratio`; large values show that it is larger.

    Args:
      live: Number of observations of the live arm up to and including each bin; shape (..., B).
      canary: The same of the canary.
      p: The quantile, in (0, 1): 0.99 is p99.
      ratio: Above 0.
      bin_ratio: Upper edge of a bin over its lower edge.

    Returns:
      Shape (...); at most 0 without an observation in one arm.
    """
    x, y = _log_martingale(np.asarray(live, float), p), _log_martingale(np.asarray(canary, float), p)
    # Bins i (canary) and j (live) allow a ratio below bin_ratio**(i - j + 1) and above bin_ratio**(i - j - 1).
    most = math.ceil(round(math.log(ratio) / math.log(bin_ratio), 9))
    return _smallest(x, np.minimum.accumulate(y, axis=-1), most)


def log_e_at_least(live: ArrayLike, canary: ArrayLike, p: float, ratio: float, bin_ratio: float) -> Floats:
    """Returns log E of H0: canary's quantile / live's quantile >= `ratio`; see `log_e_at_most`."""
    x, y = _log_martingale(np.asarray(live, float), p), _log_martingale(np.asarray(canary, float), p)
    least = math.floor(round(math.log(ratio) / math.log(bin_ratio), 9))
    return _smallest(x, np.minimum.accumulate(y[..., ::-1], axis=-1)[..., ::-1], least)


def ratio_interval(
    live: ArrayLike, canary: ArrayLike, p: float, bin_ratio: float, lower_level: float, upper_level: float
) -> tuple[float, float]:
    """Returns the ends of a confidence sequence for canary's quantile / live's quantile: 0 and infinity if unknown.

    Each end holds at all looks together with probability at least 1 - its level.

    Args:
      live: Number of observations up to and including each bin; shape (B,).
      canary: The same of the canary.
      p: The quantile, in (0, 1).
      bin_ratio: Upper edge of a bin over its lower edge.
      lower_level: Level of the lower end, in (0, 1).
      upper_level: Level of the upper end, in (0, 1).
    """
    x, y = _log_martingale(np.asarray(live, float), p), _log_martingale(np.asarray(canary, float), p)
    below, above = np.minimum.accumulate(y), np.minimum.accumulate(y[::-1])[::-1]
    bins = len(x)
    if not np.asarray(live)[-1] or not np.asarray(canary)[-1]:
        return 0.0, math.inf
    low, high = -bins, bins  # E falls as a null hypothesis grows, so bisection finds the last one that is rejected
    lower, upper = 0.0, math.inf
    while low <= high:
        middle = (low + high) // 2
        if float(_smallest(x, below, middle)) >= math.log(1 / lower_level):
            lower, low = bin_ratio**middle, middle + 1
        else:
            high = middle - 1
    low, high = -bins, bins
    while low <= high:
        middle = (low + high) // 2
        if float(_smallest(x, above, middle)) >= math.log(1 / upper_level):
            upper, high = bin_ratio**middle, middle - 1
        else:
            low = middle + 1
    return lower, upper


def quantile(cumulative: ArrayLike, p: float, lowest: float, bin_ratio: float) -> float:
    """Returns the p-quantile from cumulative counts: the geometric middle of its bin; NaN without an observation.

    Args:
      cumulative: Number of observations up to and including each bin; shape (B,).
      p: The quantile, in (0, 1).
      lowest: Lower edge of bin 0.
      bin_ratio: Upper edge of a bin over its lower edge.
    """
    counts = np.asarray(cumulative, float)
    if not counts.size or counts[-1] == 0:
        return math.nan
    at = int(np.searchsorted(counts, p * counts[-1]))
    return lowest * bin_ratio ** (at + 0.5)


def _log_martingale(cumulative: Floats, p: float) -> Floats:
    """Smallest log M that is possible if the quantile is in each bin; shape (..., B)."""
    from scipy.special import betaln

    c = max(100.0, 10 / min(p, 1 - p))  # near its best at about 8 c observations: 800 for the median, 8,000 for p99
    a, b = c * p, c * (1 - p)
    n = cumulative[..., -1:]
    before = np.concatenate([np.zeros_like(n), cumulative[..., :-1]], axis=-1)
    # log M is convex in S, with its minimum where digamma(a + S) - digamma(b + n - S) = log(p / (1 - p)); digamma(x) is
    # log(x - 1/2) up to 1 / (24 x**2).
    s = np.clip(n * p + 0.5 - p, before, cumulative)
    found: Floats = betaln(a + s, b + n - s) - betaln(a, b) - s * math.log(p) - (n - s) * math.log1p(-p)
    return found


def _smallest(x: Floats, y: Floats, shift: int) -> Floats:
    """The smallest x[j] + y[j + shift]; y is an accumulated minimum, so beyond an end its last value counts.

    On the side where no bin is left, the pair of bins does not exist; using the nearest one makes E smaller.
    """
    bins = x.shape[-1]
    at = np.clip(np.arange(bins) + shift, 0, bins - 1)
    found: Floats = (x + y[..., at]).min(axis=-1)
    return found
