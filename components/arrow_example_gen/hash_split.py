"""Train and eval for data without spans: rows are dealt by a hash of what names them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SEPARATOR = "\x1f"


def in_eval(batch: pa.RecordBatch, ids: Sequence[str], eval_share: float) -> np.ndarray:
    """Which rows belong to eval.

    The same ids go to the same split on every machine, in every run and whatever other rows there are, so that no row
    is ever in both and a longer file keeps the rows of a shorter one where they were.

    Args:
      batch: Rows.
      ids: Columns that name a row; without any, the whole row names it, so that equal rows stay together.
      eval_share: Share of the hash range, and so about the share of the rows, that is eval; in (0, 1).

    Returns:
      bool [N].
    """
    import pandas as pd

    named = [_text(batch.column(name)) for name in (ids or sorted(batch.schema.names))]
    keys = pc.binary_join_element_wise(*named, _SEPARATOR) if len(named) > 1 else named[0]
    # SipHash-2-4 with pandas' fixed key; tests hold literal values, so that a change of it would be noticed.
    hashes = pd.util.hash_array(keys.to_numpy(zero_copy_only=False), categorize=False)
    return hashes < np.uint64(eval_share * 2.0**64)


def _text(column: pa.Array) -> pa.Array:
    """Values as text, null as something that no text is."""
    if pa.types.is_nested(column.type):
        return pa.array([repr(value) for value in column.to_pylist()], pa.string())
    return pc.fill_null(column.cast(pa.string()), "\x00")
