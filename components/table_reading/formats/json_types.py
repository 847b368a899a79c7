"""Infers and unifies types of JSON values, and flattens nested objects to dotted columns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import types as is_

INT64 = 2**63
Types = Mapping[str, pa.DataType]


class MixedObjects(Exception):
    """A column mixes objects or lists with other values; the argument is its name."""


def unified(one: pa.DataType, other: pa.DataType, column: str) -> pa.DataType:
    """The common type of two types.

    Args:
      one: A type.
      other: Another type.
      column: Name of the column, for the exception.

    Returns:
      float64 for int64 and float64; string for other mixes of single values; structs and lists are unified recursively.

    Raises:
      MixedObjects: One type is a struct or list and the other is not the same kind.
    """
    if one == other or is_.is_null(other):
        return one
    if is_.is_null(one):
        return other
    if is_.is_struct(one) and is_.is_struct(other):
        fields = {one.field(place).name: one.field(place).type for place in range(one.num_fields)}
        for place in range(other.num_fields):
            field = other.field(place)
            fields[field.name] = unified(fields.get(field.name, pa.null()), field.type, f"{column}.{field.name}")
        return pa.struct(list(fields.items()))
    if is_.is_list(one) and is_.is_list(other):
        return pa.list_(unified(one.value_type, other.value_type, column))
    if is_.is_nested(one) or is_.is_nested(other):
        raise MixedObjects(column)
    return pa.float64() if {one, other} == {pa.int64(), pa.float64()} else pa.string()


def as_json(type_: pa.DataType) -> pa.DataType:
    """Replaces timestamps, which Arrow infers from texts, by strings, recursively."""
    if is_.is_timestamp(type_):
        return pa.string()
    if is_.is_struct(type_):
        fields = [type_.field(place) for place in range(type_.num_fields)]
        return pa.struct([(field.name, as_json(field.type)) for field in fields])
    return pa.list_(as_json(type_.value_type)) if is_.is_list(type_) else type_


def type_of(value: Any, column: str) -> pa.DataType:
    """The Arrow type of a value parsed by Python's json; string for integers beyond int64.

    Args:
      value: The value.
      column: Name of the column, for the exception.

    Raises:
      MixedObjects: A list mixes objects or lists with other values.
    """
    if value is None:
        return pa.null()
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64() if -INT64 <= value < INT64 else pa.string()
    if isinstance(value, float):
        return pa.float64()
    if isinstance(value, str):
        return pa.string()
    if isinstance(value, list):
        item = pa.null()
        for one in value:
            item = unified(item, type_of(one, column), column)
        return pa.list_(item)
    return pa.struct([(name, type_of(inner, f"{column}.{name}")) for name, inner in value.items()])


def converted(value: Any, type_: pa.DataType) -> Any:
    """Converts a value parsed by Python's json to `type_`, a result of `unified`; a number becomes text if need be."""
    if value is None:
        return None
    if is_.is_struct(type_):
        fields = [type_.field(place) for place in range(type_.num_fields)]
        return {field.name: converted(value.get(field.name), field.type) for field in fields}
    if is_.is_list(type_):
        return [converted(one, type_.value_type) for one in value]
    if is_.is_string(type_):
        return value if isinstance(value, str) else json.dumps(value)
    return float(value) if is_.is_floating(type_) else value


def flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Flattens nested objects: {"user": {"age": 3}} becomes the column `user.age`."""
    names: Sequence[str] = batch.schema.names
    columns: list[pa.Array] = batch.columns
    while any(is_.is_struct(column.type) for column in columns):
        pairs = []
        for name, column in zip(names, columns, strict=True):
            if is_.is_struct(column.type):
                inner = [f"{name}.{column.type.field(place).name}" for place in range(column.type.num_fields)]
                pairs += list(zip(inner, column.flatten(), strict=True))
            else:
                pairs.append((name, column))
        names, columns = [name for name, _ in pairs], [column for _, column in pairs]
    return pa.RecordBatch.from_arrays(list(columns), list(names))
