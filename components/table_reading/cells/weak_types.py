"""Casts columns of JSON lines and SQLite, which distinguish only numbers, booleans and texts, to the schema's types.

Texts are parsed like CSV cells: an ISO 8601 date becomes a date, a marker of `missing` becomes null. A number in a
column that is a string in the schema becomes its text.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as is_

from components.table_reading.cells.casting import fit, lost, plain
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import FileTypeMismatches
from components.table_reading.column_types import is_list


def typed_columns(
    batch: pa.RecordBatch,
    types: Mapping[str, pa.DataType],
    before: int,
    mismatches: FileTypeMismatches,
    missing: tuple[str, ...],
) -> pa.RecordBatch:
    """Selects and casts the columns of a batch.

    Args:
      batch: Rows, with unique column names.
      types: Column -> type; determines the order of the result.
      before: Number of rows before this batch.
      mismatches: Collects the type mismatches.
      missing: Texts that mean "missing".

    Raises:
      InputError: The first type mismatch, under the policy "block".
    """
    fitted = []
    for name, type_ in types.items():
        column = plain(batch.column(name))
        if is_.is_string(column.type):
            column = pc.if_else(pc.is_in(column, pa.array(missing, pa.string())), pa.scalar(None, pa.string()), column)
        values = _typed(column, type_)
        gone = lost(column, values)
        if gone is not None:
            mismatches.note(name, column, gone, before, type_)
        fitted.append(values)
    return pa.RecordBatch.from_arrays(fitted, names=list(types))


def _typed(column: pa.Array, type_: pa.DataType) -> pa.Array:
    if is_.is_string(column.type) and type_ != pa.string() and not is_list(type_):
        return parse(column, type_)
    if type_ == pa.string() and (
        is_.is_integer(column.type) or is_.is_floating(column.type) or is_.is_boolean(column.type)
    ):
        return column.cast(pa.string())
    return fit(column, type_)
