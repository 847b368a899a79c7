"""Converts columns that may hold lists to a pandas table with one value per cell."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from components.drift_validator.sketches.flat_columns import flatten
from components.drift_validator.sketches.texts import encode

if TYPE_CHECKING:
    import pandas as pd


def single_values(table: pa.Table, categorical: Collection[str] = ()) -> "pd.DataFrame":
    """Selects the columns with at most one value in every row; others and nested ones are left out.

    Args:
      table: Columns of values or of lists of values.
      categorical: Numeric columns whose values are categories.

    Returns:
      len(table) rows; numbers as float64 with NaN for missing, all others as pandas categoricals.
    """
    import pandas as pd

    columns: dict[str, pd.Series | pd.Categorical] = {}
    for name in table.column_names:
        cells = flatten(_one_array(table.column(name)))
        if cells is None or (cells.counts is not None and cells.counts.max(initial=0) > 1):
            continue
        there = slice(None) if cells.counts is None else cells.counts == 1
        if cells.is_text or name in categorical:
            codes, texts = encode(cells.items)
            values, position = np.unique(texts.to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
            placed = np.full(cells.rows, -1, np.int64)
            placed[there] = position[codes] if len(values) else -1
            columns[name] = pd.Categorical.from_codes(placed.tolist(), pd.Index(values, dtype=object))
        else:
            placed = np.full(cells.rows, np.nan)
            placed[there] = cells.items
            columns[name] = pd.Series(placed)
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
