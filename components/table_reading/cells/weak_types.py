"""Columns of sources that tell numbers from texts, but no more (JSON lines, SQLite), to the types of the schema.

A text is read as a cell of a CSV file is: an ISO date is a date, and what `missing` names is missing. A number where
the schema says string is the text of it.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as is_

from components.table_reading.cells.casting import fit, lost, plain
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_errors import FileMisfits
from components.table_reading.column_types import is_list


def typed_columns(
    batch: pa.RecordBatch,
    types: Mapping[str, pa.DataType],
    before: int,
    misfits: FileMisfits,
    missing: tuple[str, ...],
) -> pa.RecordBatch:
    """The batch's columns of these names, in this order and of these types.

    Args:
      batch: Rows of a source; each name is there once.
      types: Column -> type.
      before: Rows of the source before this batch.
      misfits: Where values go that do not fit.
      missing: Texts that mean "no value".

    Raises:
      InputError: A value does not fit and the policy is `block`.
    """
    fitted = []
    for name, type_ in types.items():
        column = plain(batch.column(name))
        if is_.is_string(column.type):
            column = pc.if_else(pc.is_in(column, pa.array(missing, pa.string())), pa.scalar(None, pa.string()), column)
        values = _typed(column, type_)
        gone = lost(column, values)
        if gone is not None:
            misfits.note(name, column, gone, before, type_)
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
