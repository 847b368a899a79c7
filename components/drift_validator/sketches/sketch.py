"""Sketch of a data set: how often each value of each column occurs. All distances are computed from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, eq=False)
class CategoryCounts:
    """A distribution over texts.

    Attributes:
      values: Distinct values, ascending by their UTF-8 bytes, large_string [V].
      counts: Counts, at least 1, int64 [V]. Each value of a list counts once.
      hashed: True if there were too many distinct values to keep. `values` are then names of hash buckets, which are
        the same for all data sets. Distances between hashed distributions are lower bounds, and values have no names.
    """

    values: pa.LargeStringArray
    counts: np.ndarray
    hashed: bool = False


@dataclass(frozen=True, eq=False)
class NumberCounts:
    """A distribution over numbers.

    Attributes:
      values: Distinct values, ascending, float64 [V]; infinities are allowed, NaN is not.
      counts: Counts, at least 1, int64 [V]. Each value of a list counts once.
      rank_error: Error bound of the distribution function, in [0, 1]. 0 if every value was kept; larger if neighbours
        were merged to bound memory.
    """

    values: np.ndarray
    counts: np.ndarray
    rank_error: float = 0.0


@dataclass(frozen=True, eq=False)
class ColumnSketch:
    """One column of one data set, or of one slice of it.

    Attributes:
      name: Name of the column.
      rows: Number of rows; 0 for an empty split.
      missing: Number of rows without a value: null, an empty list or NaN.
      distribution: Distribution of the values; None for nested types.
      lengths: Distribution of the number of values in a row, over rows with values; None where no row has several.
    """

    name: str
    rows: int
    missing: int
    distribution: CategoryCounts | NumberCounts | None
    lengths: NumberCounts | None = None


@dataclass(frozen=True, eq=False)
class TableSketch:
    """Sketch of one data set, or of one slice of it.

    Attributes:
      rows: Number of rows.
      columns: Name -> column, in the order of the data.
      repeated: Share of rows that are equal to an earlier row in every column, in [0, 1]; None if not counted.
      slices: Name of the slice ("origin=EWR", the parts of crosses joined by ", ") -> its sketch, which has no slices.
    """

    rows: int
    columns: Mapping[str, ColumnSketch]
    repeated: float | None = None
    slices: Mapping[str, "TableSketch"] = field(default_factory=dict)
