"""Flattens struct columns of Parquet and Arrow files: the field `age` of `user` becomes the column `user.age`. Pure.

The names are the same as for JSON lines (json_lines.py). The fields of a null struct are null. Lists of structs and
maps are not flattened; column_matching.py rejects them.
"""

from collections.abc import Container

import pyarrow as pa
from pyarrow import types as is_


def is_struct(type_: pa.DataType) -> bool:
    """Whether the type is a struct with at least one field."""
    return bool(is_.is_struct(type_)) and type_.num_fields > 0


def flat_schema(schema: pa.Schema, kept: Container[str] = ()) -> pa.Schema:
    """The schema of the result of `flat_batch`.

    Args:
      schema: Arrow schema of a file.
      kept: Columns that are not flattened.
    """
    fields = [[field] if field.name in kept else _flat_field(field) for field in schema]
    return pa.schema([one for some in fields for one in some])


def _flat_field(field: pa.Field) -> list[pa.Field]:
    inner = field.flatten() if is_struct(field.type) else []
    return [one for some in map(_flat_field, inner) for one in some] if inner else [field]


def flat_batch(batch: pa.RecordBatch, kept: Container[str] = ()) -> pa.RecordBatch:
    """Replaces struct columns by their fields, recursively.

    Args:
      batch: Rows, [N].
      kept: Columns that are not flattened.
    """
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
    """Struct column -> names of the columns it is flattened to."""
    return {field.name: flat_schema(pa.schema([field])).names for field in schema if is_struct(field.type)}
