"""Counts of two distributions over a common list of values, the input of all distances."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.drift_validator.sketches.sketch import CategoryCounts, NumberCounts

_EXACT = 2**62
_LARGEST = 2**31


@dataclass(frozen=True, eq=False)
class PooledSample:
    """The pooled sample, on which p-values are computed.

    Counts are divided by the design effect, and with more than 2**31 values by a factor that keeps 64-bit integers
    exact. A smaller sample makes p-values larger, never smaller.

    Attributes:
      n: Number of values in the baseline sample.
      m: Number of values in the current sample.
      counts: Distinct pooled counts of values, int64, ascending.
      times: Number of distinct values with each pooled count.
    """

    n: int
    m: int
    counts: np.ndarray
    times: np.ndarray


@dataclass(frozen=True, eq=False)
class AlignedHistograms:
    """Counts of each value in both samples.

    Attributes:
      values: V distinct values. Numbers: float64, ascending. Texts: those of the baseline, ascending, then those of
        current only, ascending; a sort of all texts would cost more than all distances.
      baseline: Counts in the baseline sample, int64 [V].
      current: Counts in the current sample, int64 [V].
      split: Index of the first value that occurs in current only; 0 for numbers.
      named: False where `values` are hash buckets.
      rank_error: Error bound of a difference of the distribution functions, in [0, 1], from both sketches.
      design_effect: Kish's design effect of lists, at least 1: several values of one row are no independent sample.
        p-values are computed on counts divided by it.
    """

    values: pa.LargeStringArray | np.ndarray
    baseline: np.ndarray
    current: np.ndarray
    split: int = 0
    named: bool = True
    rank_error: float = 0.0
    design_effect: float = 1.0

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Sizes of the samples: n values of the baseline, m of current."""
        return int(self.baseline.sum()), int(self.current.sum())

    @cached_property
    def pooled(self) -> PooledSample:
        """The pooled sample."""
        shrink = max(self.design_effect, sum(self.sizes) / _LARGEST)
        n, m = (int(size // shrink) for size in self.sizes)
        together = self.baseline + self.current
        if shrink > 1:
            together = np.minimum(np.ceil(together / shrink).astype(np.int64), n + m)
        counts, times = np.unique(together, return_counts=True)
        return PooledSample(n, m, counts, times)

    def first(self, at: np.ndarray) -> int:
        """Returns the position whose value is first in sorted order.

        Args:
          at: Positions, ascending, at least one.
        """
        head = int(at[0])
        later = at[np.searchsorted(at, self.split) :]
        if head >= self.split or not len(later):
            return head
        tail = int(later[0])
        return head if self.values[head].as_py().encode() <= self.values[tail].as_py().encode() else tail


def align_categories(
    baseline: CategoryCounts, current: CategoryCounts, design_effect: float = 1.0
) -> AlignedHistograms:
    """Aligns two distributions over categories.

    Args:
      baseline: Baseline sample.
      current: Current sample.
      design_effect: See AlignedHistograms.

    Raises:
      ValueError: One distribution is hashed and the other is not.
    """
    if baseline.hashed != current.hashed:
        raise ValueError("The values of one sample are hashed and those of the other are not: hash both.")
    named = not baseline.hashed
    if baseline.values.equals(current.values):
        return AlignedHistograms(
            baseline.values, baseline.counts, current.counts, len(baseline.values), named, design_effect=design_effect
        )
    known = len(baseline.values)
    at = pc.index_in(current.values, value_set=baseline.values).fill_null(-1).to_numpy(zero_copy_only=False)
    new = at < 0
    there = np.zeros(known + int(new.sum()), np.int64)
    there[at[~new]] = current.counts[~new]
    there[known:] = current.counts[new]
    before = np.zeros_like(there)
    before[:known] = baseline.counts
    values = pa.concat_arrays([baseline.values, current.values.filter(pa.array(new))])
    return AlignedHistograms(values, before, there, known, named, design_effect=design_effect)


def align_numbers(baseline: NumberCounts, current: NumberCounts, design_effect: float = 1.0) -> AlignedHistograms:
    """Aligns two distributions over numbers by merging their sorted values.

    Args:
      baseline: Baseline sample.
      current: Current sample.
      design_effect: See AlignedHistograms.
    """
    both = np.concatenate([baseline.values, current.values])
    order = np.argsort(both, kind="stable")  # of two sorted runs: a merge, in linear time
    merged = both[order]
    starts = np.flatnonzero(np.concatenate([[True], merged[1:] != merged[:-1]])) if len(merged) else np.zeros(0, int)
    before = np.concatenate([baseline.counts, np.zeros_like(current.counts)])[order]
    there = np.concatenate([np.zeros_like(baseline.counts), current.counts])[order]
    if len(starts):
        before, there = np.add.reduceat(before, starts), np.add.reduceat(there, starts)
    rank_error = baseline.rank_error + current.rank_error
    return AlignedHistograms(merged[starts], before, there, rank_error=rank_error, design_effect=design_effect)


def share_differences(both: AlignedHistograms, cumulated: bool = False) -> tuple[np.ndarray, int]:
    """Computes |p_i - q_i| as exact fractions |c_i m - d_i n| / (n m).

    Integers keep ties exact (the differences of two values always tie) and identical distributions at distance 0. In an
    empty sample every share is 0.

    Args:
      both: Counts c and d with sums n and m.
      cumulated: Whether to compute differences of the distribution functions instead of the shares.

    Returns:
      Numerators [V], and the common denominator.
    """
    n, m = (max(size, 1) for size in both.sizes)
    c, d = both.baseline, both.current
    if cumulated:
        c, d = np.cumsum(c), np.cumsum(d)
    if n * m >= _EXACT:
        c, d = c.astype(object), d.astype(object)
    return np.abs(c * m - d * n), n * m
