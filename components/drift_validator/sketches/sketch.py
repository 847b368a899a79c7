"""What drift needs to know of one column: how often each value occurs. The common ground of all distances."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Categories:
    """A distribution over texts.

    Attributes:
      values: Distinct values, ascending by their UTF-8 bytes; large_string.
      counts: int64, one for each value, at least 1. A list counts once for each of its items.
      hashed: True where there were too many distinct values to keep: `values` are then the names of hash buckets, the
        same on both sides, so that distances remain defined (and are at most the true ones) while values cannot be
        named.
    """

    values: pa.LargeStringArray
    counts: np.ndarray
    hashed: bool = False


@dataclass(frozen=True, eq=False)
class Numbers:
    """A distribution over numbers.

    Attributes:
      values: float64, distinct, ascending; may begin with -inf and end with inf, never holds NaN.
      counts: int64, one for each value, at least 1. A list counts once for each of its items.
      rank_error: 0 where every value was kept. Otherwise neighbours were merged to bound memory, and no value of the
        distribution function is off by more than this share.
    """

    values: np.ndarray
    counts: np.ndarray
    rank_error: float = 0.0


@dataclass(frozen=True, eq=False)
class Column:
    """One column of one data set, or of one slice of it.

    Attributes:
      name: Of the column.
      rows: Rows looked at; 0 for an empty split.
      missing: Of those, rows without a value: null, an empty list, or NaN. NaN counts as missing because it stands for
        it in practice, and has no place in a distribution function.
      distribution: Of the values that are there; None where the column's values could be neither (nested types).
      lengths: Number of values in a row, over the rows that have any, where some row may hold several; else None.
    """

    name: str
    rows: int
    missing: int
    distribution: Categories | Numbers | None
    lengths: Numbers | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """One data set, or one slice of it, as far as drift needs to know it.

    Attributes:
      rows: Number of rows.
      columns: Name -> column, in the order of the data.
      repeated: Share of the rows, in [0, 1], that equal an earlier row in every column; None where it was not counted.
      slices: Name of the slice ("origin=EWR", crosses joined by ", ") -> the same for its rows; without slices itself.
    """

    rows: int
    columns: Mapping[str, Column]
    repeated: float | None = None
    slices: Mapping[str, "Table"] = field(default_factory=dict)
