"""Columns of structs in Parquet and Arrow files, whose fields are read as columns of their own: `user.age`. Pure.

The names are those that JSON lines have (json_lines.py). A struct that is null has null fields. Lists of structs and
maps have no such columns; they are refused where types are told (names.py).
"""

from collections.abc import Container

import pyarrow as pa
from pyarrow import types as is_


def is_struct(type_: pa.DataType) -> bool:
    """Whether a column of the type has fields that can be columns."""
    return bool(is_.is_struct(type_)) and type_.num_fields > 0


def flat_schema(schema: pa.Schema, kept: Container[str] = ()) -> pa.Schema:
    """The columns that `flat_batch` gives; those named in `kept` stay as they are."""
    fields = [[field] if field.name in kept else _flat_field(field) for field in schema]
    return pa.schema([one for some in fields for one in some])


def _flat_field(field: pa.Field) -> list[pa.Field]:
    inner = field.flatten() if is_struct(field.type) else []
    return [one for some in map(_flat_field, inner) for one in some] if inner else [field]


def flat_batch(batch: pa.RecordBatch, kept: Container[str] = ()) -> pa.RecordBatch:
    """The same rows with the fields of structs, also of structs in structs, in the place of their columns."""
    if not any(is_struct(field.type) for field in batch.schema):
        return batch
    names, columns = [], []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for one, values in [(name, column)] if name in kept else _flat(name, column):
            names.append(one)
            columns.append(values)
    return pa.RecordBatch.from_arrays(columns, names)


def _flat(name: str, column: pa.Array) -> list[tuple[str, pa.Array]]:
    if not is_struct(column.type):
        return [(name, column)]
    fields = zip(column.type, column.flatten(), strict=True)  # flatten, unlike field(), carries the struct's nulls
    return [one for field, values in fields for one in _flat(f"{name}.{field.name}", values)]


def nested_columns(schema: pa.Schema) -> dict[str, list[str]]:
    """Column of structs -> the columns that are read of it."""
    return {field.name: flat_schema(pa.schema([field])).names for field in schema if is_struct(field.type)}
