"""Two distributions over the same values: the form that all distances are computed on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.drift_validator.sketches.sketch import Categories, Numbers

_EXACT = 2**62
_LARGEST = 2**31


@dataclass(frozen=True, eq=False)
class Pooled:
    """The two sides thrown together, as the p-values see them.

    Counts are divided by the design effect (and where there are more than 2**31 values by as much as keeps 64-bit
    integers exact): a smaller sample makes a larger p-value, never a smaller one.

    Attributes:
      n: Number of values on the baseline's side.
      m: Number of values on the current side.
      counts: Distinct pooled counts, int64, ascending.
      times: How many values have that count.
    """

    n: int
    m: int
    counts: np.ndarray
    times: np.ndarray


@dataclass(frozen=True, eq=False)
class Aligned:
    """How often each value occurs on both sides.

    Attributes:
      values: Distinct values. Numbers: float64, ascending. Texts: the baseline's, ascending, then those that only
        current has, ascending; a sort of all of them would cost more than every distance together.
      baseline: int64 counts, one for each value, 0 where the baseline does not hold it.
      current: The same for the other side.
      split: Where the values that only current has begin; 0 for numbers.
      named: False where `values` are names of hash buckets.
      rank_error: By how much a distribution function's difference may be off, both sides together.
      design_effect: At least 1: by how much values that come several to a row are worth less than as many rows. The
        p-values work on counts divided by it.
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
        """Number of values on both sides: n of the baseline, m of current."""
        return int(self.baseline.sum()), int(self.current.sum())

    @cached_property
    def pooled(self) -> Pooled:
        """Both sides together."""
        shrink = max(self.design_effect, sum(self.sizes) / _LARGEST)
        n, m = (int(size // shrink) for size in self.sizes)
        together = self.baseline + self.current
        if shrink > 1:
            together = np.minimum(np.ceil(together / shrink).astype(np.int64), n + m)
        counts, times = np.unique(together, return_counts=True)
        return Pooled(n, m, counts, times)

    def first(self, at: np.ndarray) -> int:
        """Of these positions (ascending, at least one), the one whose value is first in sorted order."""
        head = int(at[0])
        later = at[np.searchsorted(at, self.split) :]
        if head >= self.split or not len(later):
            return head
        tail = int(later[0])
        return head if self.values[head].as_py().encode() <= self.values[tail].as_py().encode() else tail


def align_categories(baseline: Categories, current: Categories, design_effect: float = 1.0) -> Aligned:
    """Raises ValueError where one side is hashed and the other is not: their values cannot be compared."""
    if baseline.hashed != current.hashed:
        raise ValueError("One side's values are hashed and the other's are not: hash both.")
    named = not baseline.hashed
    if baseline.values.equals(current.values):
        return Aligned(
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
    return Aligned(values, before, there, known, named, design_effect=design_effect)


def align_numbers(baseline: Numbers, current: Numbers, design_effect: float = 1.0) -> Aligned:
    """The two sorted lists of values merged into one."""
    both = np.concatenate([baseline.values, current.values])
    order = np.argsort(both, kind="stable")  # of two sorted runs: a merge, in linear time
    merged = both[order]
    starts = np.flatnonzero(np.concatenate([[True], merged[1:] != merged[:-1]])) if len(merged) else np.zeros(0, int)
    before = np.concatenate([baseline.counts, np.zeros_like(current.counts)])[order]
    there = np.concatenate([np.zeros_like(baseline.counts), current.counts])[order]
    if len(starts):
        before, there = np.add.reduceat(before, starts), np.add.reduceat(there, starts)
    rank_error = baseline.rank_error + current.rank_error
    return Aligned(merged[starts], before, there, rank_error=rank_error, design_effect=design_effect)


def share_differences(both: Aligned, cumulated: bool = False) -> tuple[np.ndarray, int]:
    """|p_i - q_i| as exact integers over one common denominator: |c_i m - d_i n| and n m.

    Exact, so that rounding neither breaks a tie (of two values both always tie) nor makes a distance of none. A side
    without any value has share 0 for every value.

    Args:
      both: Of counts c, d that add up to n, m.
      cumulated: The same between the distribution functions.
    """
    n, m = (max(size, 1) for size in both.sizes)
    c, d = both.baseline, both.current
    if cumulated:
        c, d = np.cumsum(c), np.cumsum(d)
    if n * m >= _EXACT:
        c, d = c.astype(object), d.astype(object)
    return np.abs(c * m - d * n), n * m
