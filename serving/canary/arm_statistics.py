"""The statistics of one version's requests, which the canary analysis compares. Sums, so that parts can be merged."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

BIN_RATIO = 1.01
"""Width of a latency bin: its upper edge over its lower edge. A quantile read from the bins is exact within 1 %."""
SHORTEST, LONGEST = 1e-6, 1e3
"""Latencies below and above, seconds, are counted in the first and the last bin."""
BINS = math.ceil(math.log(LONGEST / SHORTEST) / math.log(BIN_RATIO))

Counts = NDArray[np.int64]


def latency_bins(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns the bin of each latency, 0 to BINS - 1. Bin b is SHORTEST * BIN_RATIO**b up to the next one's edge."""
    bins = np.floor(np.log(np.maximum(seconds, SHORTEST) / SHORTEST) / math.log(BIN_RATIO)).astype(np.int64)
    return np.clip(bins, 0, BINS - 1)


def latency_counts(seconds: NDArray[np.float64]) -> Counts:
    """Returns the number of latencies in each bin; shape (BINS,)."""
    return np.bincount(latency_bins(seconds), minlength=BINS)


def _no_latencies() -> Counts:
    return np.zeros(BINS, np.int64)


def _no_predictions() -> Counts:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class LossSums:
    """Sums of a loss over the rows whose label has arrived; rows without a label are in none of them.

    Attributes:
      rows: Number of labelled rows.
      total: Sum of the losses; smaller is better.
      squares: Sum of the squared losses.
    """

    rows: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "LossSums") -> "LossSums":
        return LossSums(self.rows + other.rows, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """Mean loss; NaN without rows."""
        return self.total / self.rows if self.rows else math.nan

    @property
    def variance(self) -> float:
        """Unbiased variance of the loss; NaN below two rows."""
        if self.rows < 2:
            return math.nan
        return max(0.0, (self.squares - self.total**2 / self.rows) / (self.rows - 1))


@dataclass(frozen=True)
class ArmStatistics:
    """Statistics of one arm: the requests that one version answered since a point in time.

    Attributes:
      requests: Number of requests, failed ones included.
      errors: Number of requests that ended with a server error.
      latencies: Number of successful requests in each latency bin, see `latency_counts`; shape (BINS,).
      predictions: Number of rows in each bin of the prediction: a class, or an interval; shape (K,), K the same in both
        arms, and the bins chosen before these requests.
      losses: Sums of the loss over the rows whose labels have arrived.
    """

    requests: int = 0
    errors: int = 0
    latencies: Counts = field(default_factory=_no_latencies)
    predictions: Counts = field(default_factory=_no_predictions)
    losses: LossSums = field(default_factory=LossSums)

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.requests:
            raise ValueError(f"{self.errors} errors in {self.requests} requests")
        if self.latencies.shape != (BINS,):
            raise ValueError(f"latencies have the shape {self.latencies.shape}, not ({BINS},)")

    def __add__(self, other: "ArmStatistics") -> "ArmStatistics":
        """Merges the statistics of two sets of requests."""
        return ArmStatistics(
            self.requests + other.requests,
            self.errors + other.errors,
            self.latencies + other.latencies,
            _sum(self.predictions, other.predictions),
            self.losses + other.losses,
        )


def _sum(one: Counts, other: Counts) -> Counts:
    if not one.size or not other.size:
        return other if other.size else one
    if one.shape != other.shape:
        raise ValueError(f"predictions are counted in {one.size} and {other.size} bins")
    return one + other
