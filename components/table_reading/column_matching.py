"""Matches the columns of a file with those of the schema."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pyarrow as pa
from pyarrow import types as is_

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.column_types import is_list


def unknown_names(file: str, names: Sequence[str], known: Iterable[str], place: str = "file") -> list[str]:
    """Validates the column names of a file and returns those that are not in the schema, in the file's order.

    Args:
      file: Name of the file, for messages.
      names: Columns of the file.
      known: Columns of the schema.
      place: Part of the file that names its columns, for messages, such as "header".

    Raises:
      InputError: A column is missing or duplicated, or has no name.
    """
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice and twice[0]:
        raise InputError(f"{file}: column '{twice[0]}' is duplicated; rename or drop one")
    if "" in names:
        number = names.index("") + 1
        raise InputError(
            f"{file}: column {number} has no name; name or drop it (a pandas index? write with index=False)"
        )
    there, known = set(names), dict.fromkeys(known)
    missing = [name for name in known if name not in there]
    if missing:
        raise InputError(f"{file}: column '{missing[0]}' is missing: it is in the schema, not in the {place}")
    return [name for name in names if name not in known]


def carried(file: str, schema: pa.Schema, types: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
    """The columns to read from a typed file: those of the schema, then the file's other columns.

    Args:
      file: Name of the file, for messages.
      schema: Arrow schema of the file.
      types: Column -> type, from the schema.

    Returns:
      Column -> type.

    Raises:
      InputError: A column is missing or duplicated, or has no name; or the type of a column that is not in the schema
        has no equivalent in tf.Examples.
    """
    wanted = dict(types)
    for name in unknown_names(file, schema.names, types):
        type_ = own_type(schema.field(name).type)
        if type_ is None:
            raise InputError(
                f"{file}: column '{name}' is {shorten(str(schema.field(name).type))}, which a tf.Example cannot hold; "
                "flatten or drop it"
            )
        wanted[name] = type_
    return wanted


def own_type(type_: pa.DataType) -> pa.DataType | None:
    """The supported type nearest to an Arrow type; None if a tf.Example cannot hold it (struct, map, nested list)."""
    if isinstance(type_, pa.BaseExtensionType):
        return own_type(type_.storage_type)
    if is_.is_dictionary(type_) or is_.is_run_end_encoded(type_):
        return own_type(type_.value_type)
    if is_list(type_):
        value = own_type(type_.value_type)
        if value == pa.bool_():
            value = pa.int64()
        return pa.list_(value) if value in (pa.int64(), pa.float64(), pa.string()) else None
    if is_.is_nested(type_) or is_.is_interval(type_):
        return None
    for belongs, own in (
        (is_.is_boolean, pa.bool_()),
        (is_.is_integer, pa.int64()),
        (is_.is_floating, pa.float64()),
        (is_.is_decimal, pa.float64()),
        (is_.is_date, pa.date32()),
        (is_.is_timestamp, pa.timestamp("us")),
        (is_.is_time, pa.time64("us")),
        (is_.is_duration, pa.duration("us")),
    ):
        if belongs(type_):
            return own
    return pa.string()
