"""The e-detector of one stream: conformal p-values, bets on them, and the Shiryaev-Roberts sum of the bets.

Let z_1, z_2, ... be scores that are exchangeable as long as nothing changes. The rank of the newest among all so far,

    p = (#{z_i > z} + u (#{z_i = z} + 1)) / (n + 1),   u uniform in (0, 1),

is uniform and independent of the earlier ranks (Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random
world"). For a p-value, y = Phi^-1(1 - p) is normal or smaller, so that each bet

    e_b = exp(b y - b^2 / 2)

has a mean of at most 1: an e-value. The e-detector of each b is M <- e_b (M + 1), starting at 0, and their mean is an
e-detector, too: its average run length until M >= c is at least c (Shin, Ramdas and Rinaldo 2022, "E-detectors: a
nonparametric framework for sequential change detection").

Beyond the largest score so far a rank cannot be below 1 / (n + 1). There the p-value is continued by a Pareto tail,

    p = (z / z_max)^-TAIL / (n + 1),

which is at least the true one for every distribution whose tail is not heavier than that of a Pareto distribution with
this index (normal, exponential, Student's t with as many degrees of freedom). This is the one assumption beyond
exchangeability.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]

BETS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Standard deviations of the shifts on which the bets are best."""
TAIL = 4.0
_SMALLEST = 1e-12
_LARGEST_LOG = 600.0


def conformal_p_value(past: Floats, score: float, u: float, floor: float) -> float:
    """Returns the p-value of the newest score.

    Args:
      past: Earlier scores (n,), relative to their centre.
      score: The newest.
      u: In (0, 1), breaks ties.
      floor: Smallest score, above 0, that counts as the largest so far: the tail begins at or above it.

    Returns:
      In (0, 1]; 1 without earlier scores.
    """
    if not len(past):
        return 1.0
    larger, ties = float((past > score).sum()), float((past == score).sum())
    top = max(float(past.max()), floor)
    if score > top:
        return max(_SMALLEST, (score / top) ** -TAIL / (len(past) + 1))
    return (larger + u * (ties + 1)) / (len(past) + 1)


def bets(p: float) -> Floats:
    """Returns log e of each bet at a p-value."""
    y, b = float(ndtri(1 - max(p, _SMALLEST))), np.asarray(BETS)
    if not np.isfinite(y):  # p = 1
        return np.full(len(b), -_LARGEST_LOG)
    return b * y - b**2 / 2


def advance(log_sums: Sequence[float], log_e: Floats) -> list[float]:
    """Returns log M of each bet after M <- e (M + 1); [] before the first."""
    before = np.asarray(log_sums, float) if len(log_sums) else np.full(len(log_e), -np.inf)
    after = np.clip(log_e + np.logaddexp(before, 0.0), -_LARGEST_LOG, _LARGEST_LOG)
    return [float(value) for value in after]


def evidence(log_sums: Sequence[float]) -> float:
    """Returns the mean M over the bets; 0 before the first."""
    if not len(log_sums):
        return 0.0
    return float(np.exp(np.logaddexp.reduce(np.asarray(log_sums)) - np.log(len(log_sums))))
