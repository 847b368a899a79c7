"""Simulated canaries: the statistics of two arms after each batch of requests, for many canaries at once."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

from serving.canary.arm_statistics import BIN_RATIO

Ints = NDArray[np.int64]

MEDIAN, SPREAD = 0.02, 0.5
"""Latencies are log-normal: median, seconds, and standard deviation of the logarithm."""
LATENCY_BINS = 460
"""Bins of BIN_RATIO around the median; latencies beyond, fewer than 1 in 10,000, are counted in the last ones."""
LOSSES = np.array([0.01, 0.04, 0.16, 0.36, 0.64])
"""Squared errors of a probability, which a row has with SHARES; their mean is 0.108."""
SHARES = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
PREDICTION_BINS = 10


@dataclass(frozen=True)
class Version:
    """What a version's requests are drawn from.

    Attributes:
      error_rate: Probability of an error.
      slower: Factor of all latencies.
      shift: Added to each prediction, which is from a beta distribution (2, 5).
      worse: Factor of the mean loss.
    """

    error_rate: float = 0.01
    slower: float = 1.0
    shift: float = 0.0
    worse: float = 1.0

    def latencies(self) -> NDArray[np.float64]:
        """Returns the probability of each latency bin; shape (LATENCY_BINS,)."""
        edges = (np.arange(1, LATENCY_BINS) - LATENCY_BINS / 2) * np.log(BIN_RATIO)
        return np.diff(norm.cdf((edges - np.log(self.slower)) / SPREAD), prepend=0, append=1)

    def predictions(self) -> NDArray[np.float64]:
        """Returns the probability of each bin of the predictions; shape (PREDICTION_BINS,)."""
        return np.diff(
            beta.cdf(np.arange(1, PREDICTION_BINS) / PREDICTION_BINS - self.shift, 2, 5), prepend=0, append=1
        )

    def losses(self) -> NDArray[np.float64]:
        """Returns the probability of each of LOSSES: a mixture of SHARES and the largest loss; shape (5,)."""
        mean = SHARES @ LOSSES
        moved = (self.worse - 1) * mean / (LOSSES[-1] - mean)
        return (1 - moved) * SHARES + moved * np.eye(len(LOSSES))[-1]


LIVE = Version()
SCENARIOS = {
    "null": LIVE,
    "limit of harm": Version(error_rate=0.0125, slower=1.05, shift=0.0275, worse=1.05),
    "error rate doubled": replace(LIVE, error_rate=0.02),
    "latency + 30 %": replace(LIVE, slower=1.3),
    "predictions shifted": replace(LIVE, shift=0.1),
    "metric worse by the margin": replace(LIVE, worse=1.1),
}
NULL = ("null", "limit of harm")
"""Scenarios in which a rollback is a false abort."""


@dataclass(frozen=True)
class Arm:
    """One arm of R canaries after each of L batches; all counts are of the batch, or with `cumulative` of all so far.

    Attributes:
      requests: Shape (R, L).
      errors: Shape (R, L).
      latencies: Shape (R, L, LATENCY_BINS).
      predictions: Shape (R, L, PREDICTION_BINS).
      losses: Number of rows with each of LOSSES; shape (R, L, 5).
    """

    requests: Ints
    errors: Ints
    latencies: Ints
    predictions: Ints
    losses: Ints

    def cumulative(self) -> "Arm":
        """Returns the counts since the start."""
        return Arm(**{name: counts.cumsum(axis=1) for name, counts in vars(self).items()})

    def loss_moments(self) -> tuple[Any, Any, Any]:
        """Returns the number of rows, the mean and the unbiased variance of the loss; shapes (R, L)."""
        rows = self.losses.sum(axis=-1)
        mean = self.losses @ LOSSES / np.maximum(rows, 1)
        squares = self.losses @ LOSSES**2
        return rows, mean, (squares - rows * mean**2) / np.maximum(rows - 1, 1)


def draw(
    rng: np.random.Generator, version: Version, runs: int, looks: int, batch: int, share: float
) -> tuple[Arm, Arm]:
    """Draws the live arm and the canary; each request goes to the canary with probability `share`."""
    split = rng.binomial(batch, share, (runs, looks))
    return _arm(rng, LIVE, batch - split), _arm(rng, version, split)


def _arm(rng: np.random.Generator, version: Version, requests: Ints) -> Arm:
    errors = rng.binomial(requests, version.error_rate)
    return Arm(
        requests,
        errors,
        rng.multinomial(requests - errors, version.latencies()),
        rng.multinomial(requests - errors, version.predictions()),
        rng.multinomial(requests - errors, version.losses()),
    )
