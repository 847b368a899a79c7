"""Sequential comparison of two mean losses: an asymptotic confidence sequence for the ratio of the means.

For a ratio r, the contrast z = mean_canary - r * mean_live has the information V = 1 / (var_canary / m + r^2 var_live
/ n). At growing n and m, z V behaves as a Brownian motion with drift at time V, whatever the split (independent
increments of sequential estimates: Scharfstein, Tsiatis and Robins 1997, "Semiparametric efficiency and its
implication on the design and analysis of group-sequential studies"; strong approximation with estimated variances:
Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence
sequences"). A one-sided normal mixture over the drift (Robbins 1970; Howard et al. 2021, proposition 6) gives, for
H0: z <= 0,

    E = 2 / sqrt(1 + s^2 V) * exp(z^2 V / 2 * s^2 V / (1 + s^2 V)) * Phi(z V s / sqrt(1 + s^2 V))

with P(E >= 1 / alpha at any look) <= alpha in the limit of a late first look: few labels are not looked at. The
standard deviation s of the mixture is margin * mean_live * sqrt((1 + r^2) / 2): differences of about the margin are
found soonest. The losses need a finite variance; with heavy tails (squared errors) the limit is reached later than
with bounded losses.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.canary.arm_statistics import LossSums

Floats = NDArray[np.float64]
_STEPS = 60


def log_e(live: LossSums, canary: LossSums, ratio: float, margin: float, side: int) -> float:
    """Returns log E of H0: canary's mean loss <= (side 1) or >= (side -1) `ratio` times live's mean loss.

    Args:
      live: Losses of the live arm, at least two.
      canary: Losses of the canary, at least two.
      ratio: Above 0.
      margin: Relative difference that is to be found soonest, above 0.
      side: 1: large values show that the canary's mean is larger. -1: that it is smaller.
    """
    return float(
        log_e_of_means(
            live.mean, live.variance, live.rows, canary.mean, canary.variance, canary.rows, ratio, margin, side
        )
    )


def log_e_of_means(
    live_mean: ArrayLike,
    live_variance: ArrayLike,
    n: ArrayLike,
    canary_mean: ArrayLike,
    canary_variance: ArrayLike,
    m: ArrayLike,
    ratio: ArrayLike,
    margin: float,
    side: int,
) -> Floats:
    """The same as `log_e`, on arrays that broadcast against each other."""
    from scipy.special import log_ndtr

    mean, ratio = np.asarray(live_mean, float), np.asarray(ratio, float)
    z = side * (np.asarray(canary_mean, float) - ratio * mean)
    variance = np.asarray(canary_variance, float) / np.asarray(m) + ratio**2 * np.asarray(
        live_variance, float
    ) / np.asarray(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.minimum(1 / variance, 1e100)
        spread = (margin * mean) ** 2 * (1 + ratio**2) / 2 * information
        shrunk = np.where(np.isfinite(spread), spread / (1 + spread), 1.0)
        found: Floats = (
            math.log(2)
            - np.log1p(spread) / 2
            + z**2 * information * shrunk / 2
            + log_ndtr(z * np.sqrt(information) * np.sqrt(shrunk))
        )
    return np.where(np.isnan(found), 0.0, found)


def ratio_interval(
    live: LossSums, canary: LossSums, margin: float, lower_level: float, upper_level: float
) -> tuple[float, float]:
    """Returns the ends of a confidence sequence for canary's mean loss / live's mean loss: 0 and infinity if unknown.

    Each end holds at all looks together with probability at least 1 - its level, in the limit; losses are not negative.
    """
    if live.rows < 2 or canary.rows < 2 or not live.mean > 0:
        return 0.0, math.inf
    estimate = canary.mean / live.mean
    ends = []
    for outside, level, side in ((0.0, lower_level, 1), (max(1e6, 1e6 * estimate), upper_level, -1)):
        if log_e(live, canary, outside, margin, side) < math.log(1 / level):
            ends.append(0.0 if side == 1 else math.inf)
            continue
        inside = estimate
        for _ in range(_STEPS):
            middle = (outside + inside) / 2
            if log_e(live, canary, middle, margin, side) >= math.log(1 / level):
                outside = middle
            else:
                inside = middle
        ends.append(outside)
    return ends[0], ends[1]
