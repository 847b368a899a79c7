"""Casts record batches of Parquet, Arrow and TFRecord files and of databases to the types of the schema."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as is_

from components.table_reading.cells.casting import castable, fit, lengths, lost, plain
from components.table_reading.cells.column_parsing import parse_column
from components.table_reading.cells.type_mismatches import FileTypeMismatches
from components.table_reading.column_types import is_list


def typed_batch(
    batch: pa.RecordBatch, types: dict[str, pa.DataType], before: int, mismatches: FileTypeMismatches
) -> pa.RecordBatch:
    """Selects and casts the columns of a batch.

    Args:
      batch: Rows, with unique column names.
      types: Column -> type; determines the order of the result.
      before: Number of rows of the file before this batch.
      mismatches: Collects the type mismatches.

    Raises:
      InputError: Text is not valid UTF-8; or the first type mismatch, under the policy "block".
    """
    fitted = []
    for name, type_ in types.items():
        column = plain(batch.column(name))
        values = fit_column(name, column, type_, mismatches)
        gone = lost(column, values)
        if gone is not None:
            if (row := _first_without_utf8(column)) is not None:
                mismatches.refuse(name, before + row + mismatches.first_row, "is not valid UTF-8")
            mismatches.note(name, column, gone, before, type_)
        fitted.append(values)
    return pa.RecordBatch.from_arrays(fitted, names=list(types))


def fit_column(name: str, column: pa.Array, type_: pa.DataType, mismatches: FileTypeMismatches) -> pa.Array:
    """Casts a column like `casting.fit`, and parses text as dates, times or lists, and numbers by a date format.

    Args:
      name: Name of the column.
      column: Values, [N], in the layout of `casting.plain`.
      type_: Arrow type of the result.
      mismatches: Provides the notation of the cells.

    Returns:
      Values of `type_`, [N]; null for a null and for a value that does not fit.
    """
    is_text, of_time = is_.is_string(column.type), is_.is_temporal(type_)
    by_format = name in mismatches.notation.date_format and not is_.is_temporal(column.type)
    if (is_text and (of_time or is_.is_list(type_))) or by_format:
        return parse_column(name, column, type_, mismatches.notation)
    return fit(column, type_)


def _first_without_utf8(column: pa.Array) -> int | None:
    """Index of the first row with bytes that are not valid UTF-8; None if there is none."""
    counts = lengths(column) if is_list(column.type) else np.ones(len(column), np.int64)
    values = plain(column.flatten()) if is_list(column.type) else column
    if not is_.is_binary(values.type):
        return None
    gone = lost(values, castable(values, pa.string()))
    return None if gone is None else int(np.repeat(np.arange(len(counts)), counts)[pc.index(gone, True).as_py()])
