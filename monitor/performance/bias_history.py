"""How far estimates without labels miss, learnt from mature windows: the prior of the bias of the next estimate.

On the link scale, the bias of window t is b_t + e_t, where b_t is a random walk with steps of standard deviation q and
e_t is noise of standard deviation tau; past windows show it with the standard error of their estimate. q and tau are
integrated over a grid, with weights from the likelihood of the history, so the prior of the next bias is a mixture of
normal distributions: narrow after a long history of hits, wide after misses, with heavy tails where there is little
history. Labels of the window itself update the mixture by Bayes' rule; components that contradict them lose their
weight, so a bias far outside of the history is estimated from the labels alone.

The mixture is a model; what it covered is a fact. Each past window has a position in the distribution predicted for it,
and the level of the next interval is raised to the conformal quantile of these positions (G. Shafer and V. Vovk, 2008)
where the nominal level covered too few of them. It is never lowered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NOISES = np.array([0.0, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.0])
STEPS = np.array([0.0, 0.03, 0.1, 0.3])
SCALE = 0.1
"""Typical standard deviation on the link scale, without history: half-Cauchy prior of both."""


@dataclass(frozen=True, eq=False)
class BiasPrior:
    """Mixture of normal distributions of the bias on the link scale.

    Attributes:
      weights: [G], sum 1.
      means: [G].
      variances: [G].
    """

    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray

    def updated(self, observed: float, variance: float) -> "BiasPrior":
        """Returns the posterior after an unbiased observation of the bias."""
        whole = self.variances + variance
        fit = -0.5 * (np.log(whole) + (observed - self.means) ** 2 / whole)
        weights = self.weights * np.exp(fit - fit.max())
        gain = self.variances / whole
        return BiasPrior(
            weights / weights.sum(), self.means + gain * (observed - self.means), (1 - gain) * self.variances
        )

    def p_value(self, observed: float, variance: float) -> float:
        """Two-sided probability of an observation at least as far from the centre."""
        from scipy.special import ndtr

        deviations = np.sqrt(self.variances + variance)
        below = float(self.weights @ ndtr((observed - self.means) / deviations))
        return min(1.0, 2 * min(below, 1 - below))

    def widened(self, variance: float, share: float = 1.0) -> "BiasPrior":
        """Returns the distribution of `share` times the bias plus independent noise."""
        return BiasPrior(self.weights, share * self.means, share**2 * self.variances + variance)

    def with_jump(self, share: float, deviation: float) -> "BiasPrior":
        """Returns a mixture in which the bias has jumped away from its history with probability `share`."""
        jumped = self.variance + deviation**2
        centre = float(self.weights @ self.means)
        return BiasPrior(
            np.append((1 - share) * self.weights, share),
            np.append(self.means, centre),
            np.append(self.variances, jumped),
        )

    @property
    def variance(self) -> float:
        """Variance of the mixture."""
        mean = float(self.weights @ self.means)
        return float(self.weights @ (self.variances + (self.means - mean) ** 2))

    def interval(self, level: float) -> tuple[float, float, float]:
        """Returns mean, lower and upper bound of the central interval."""
        from scipy.optimize import brentq
        from scipy.special import ndtr

        deviations = np.sqrt(np.maximum(self.variances, 1e-18))
        reach = 12 * float(deviations.max()) + 1e-9
        low, high = float(self.means.min()) - reach, float(self.means.max()) + reach

        def bound(share: float) -> float:
            return float(brentq(lambda x: float(self.weights @ ndtr((x - self.means) / deviations)) - share, low, high))

        return float(self.weights @ self.means), bound((1 - level) / 2), bound((1 + level) / 2)


@dataclass(frozen=True, eq=False)
class BiasHistory:
    """What past windows say about the next one.

    Attributes:
      prior: Prior of the next bias.
      positions: |2 F(miss) - 1| of each past window in its predicted distribution F, [T], in [0, 1]: 0 = the middle. A
        central interval of level L covers a window if its position is at most L.
    """

    prior: BiasPrior
    positions: np.ndarray

    def raised(self, level: float) -> float:
        """Returns the level that would have covered enough past windows, at least `level` and at most 0.999."""
        windows = len(self.positions)
        place = int(np.ceil(level * (windows + 1)))
        if place > windows:
            return level
        return float(np.clip(np.sort(self.positions)[place - 1], level, 0.999))


def bias_history(
    misses: Sequence[float], variances: Sequence[float], windows: Sequence[bool] | None = None
) -> BiasHistory:
    """Learns from past windows.

    Args:
      misses: Real minus estimated metric on the link scale, oldest first, [T]; may be empty.
      variances: Squared standard errors of these estimates, [T].
      windows: Whether each was a window, [T]; blocks of the reference are closer to one another than windows are to
        it, so their likelihood counts by half and their positions do not count. None: all were.
    """
    from scipy.special import ndtr

    tau, q = (grid.ravel() for grid in np.meshgrid(NOISES, STEPS, indexing="ij"))
    log_weight = -np.log1p((tau / SCALE) ** 2) - np.log1p((q / (SCALE / 3)) ** 2)
    mean, variance = np.zeros(len(tau)), (2 * np.minimum(q, SCALE)) ** 2
    positions = []
    counted = [True] * len(misses) if windows is None else windows
    for miss, error, window in zip(misses, variances, counted, strict=True):
        whole = variance + tau**2 + error
        weights = _normalized(log_weight)
        if window:
            below = float(weights @ ndtr((miss - mean) / np.sqrt(whole)))
            positions.append(abs(2 * below - 1))
        log_weight = log_weight - (0.5 if window else 0.25) * (np.log(whole) + (miss - mean) ** 2 / whole)
        gain = variance / whole
        mean, variance = mean + gain * (miss - mean), (1 - gain) * variance + q**2
    return BiasHistory(BiasPrior(_normalized(log_weight), mean, variance + tau**2), np.array(positions))


def _normalized(log_weight: np.ndarray) -> np.ndarray:
    weights = np.exp(log_weight - log_weight.max())
    found: np.ndarray = weights / weights.sum()
    return found
