"""Splits data without spans into train and eval by a hash of the row id."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SEPARATOR = "\x1f"


def eval_mask(batch: pa.RecordBatch, ids: Sequence[str], eval_share: float) -> np.ndarray:
    """Selects the rows of the eval split.

    The split of a row depends on its id alone: not on the machine, the run or other rows. Rows that are appended to a
    file do not move the existing ones to another split.

    Args:
      batch: Rows, [N].
      ids: Columns that identify a row; if empty, all columns, so that duplicate rows share a split.
      eval_share: Share of the hash range that is eval, in (0, 1); the share of rows is approximately the same.

    Returns:
      Whether each row is in eval, bool [N].
    """
    import pandas as pd

    named = [_text(batch.column(name)) for name in (ids or sorted(batch.schema.names))]
    keys = pc.binary_join_element_wise(*named, _SEPARATOR) if len(named) > 1 else named[0]
    # SipHash-2-4 with pandas' fixed key; tests compare literal values, so that a change of the hash is noticed.
    hashes = pd.util.hash_array(keys.to_numpy(zero_copy_only=False), categorize=False)
    return hashes < np.uint64(eval_share * 2.0**64)


def _text(column: pa.Array) -> pa.Array:
    """Values as text; null as NUL, which does not occur in text."""
    if pa.types.is_nested(column.type):
        return pa.array([repr(value) for value in column.to_pylist()], pa.string())
    return pc.fill_null(column.cast(pa.string()), "\x00")
