"""Record batches of Parquet, Arrow and TFRecord files, and of databases, with the types that the schema names."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as is_

from components.table_reading.cells.casting import castable, fit, lengths, lost, plain
from components.table_reading.cells.column_parsing import parse_column
from components.table_reading.cells.type_errors import FileMisfits
from components.table_reading.column_types import is_list


def typed_batch(
    batch: pa.RecordBatch, types: dict[str, pa.DataType], before: int, misfits: FileMisfits
) -> pa.RecordBatch:
    """The batch's columns of these names, in this order and of these types.

    Args:
      batch: Rows of a file; each name is there once.
      types: Column -> type.
      before: Rows of the file before this batch.
      misfits: Where values go that do not fit.

    Raises:
      InputError: A value does not fit and the policy is `block`, or text is no UTF-8.
    """
    fitted = []
    for name, type_ in types.items():
        column = plain(batch.column(name))
        values = fit_column(name, column, type_, misfits)
        gone = lost(column, values)
        if gone is not None:
            if (row := _first_without_utf8(column)) is not None:
                misfits.refuse(name, before + row + misfits.first_row, "is no valid UTF-8")
            misfits.note(name, column, gone, before, type_)
        fitted.append(values)
    return pa.RecordBatch.from_arrays(fitted, names=list(types))


def fit_column(name: str, column: pa.Array, type_: pa.DataType, misfits: FileMisfits) -> pa.Array:
    """`fit`, but text that stands for dates, times or lists, and numbers that stand for dates, are read as such."""
    is_text, of_time = is_.is_string(column.type), is_.is_temporal(type_)
    by_format = name in misfits.notation.date_format and not is_.is_temporal(column.type)
    if (is_text and (of_time or is_.is_list(type_))) or by_format:
        return parse_column(name, column, type_, misfits.notation)
    return fit(column, type_)


def _first_without_utf8(column: pa.Array) -> int | None:
    """Row of the first value that is bytes but no text; None if there is none."""
    counts = lengths(column) if is_list(column.type) else np.ones(len(column), np.int64)
    values = plain(column.flatten()) if is_list(column.type) else column
    if not is_.is_binary(values.type):
        return None
    gone = lost(values, castable(values, pa.string()))
    return None if gone is None else int(np.repeat(np.arange(len(counts)), counts)[pc.index(gone, True).as_py()])
