"""Types of JSON values: what the objects of several blocks have in common, and nested objects as dotted columns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import types as is_

INT64 = 2**63
Types = Mapping[str, pa.DataType]


class MixedObjects(Exception):
    """A column is an object, or a list, in some rows and something else in others; its name."""


def unified(one: pa.DataType, other: pa.DataType, column: str) -> pa.DataType:
    """The type that holds values of both; text where there are numbers, truth values and texts; MixedObjects else."""
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
    """What Arrow infers, without its guess that a text is a point in time."""
    if is_.is_timestamp(type_):
        return pa.string()
    if is_.is_struct(type_):
        fields = [type_.field(place) for place in range(type_.num_fields)]
        return pa.struct([(field.name, as_json(field.type)) for field in fields])
    return pa.list_(as_json(type_.value_type)) if is_.is_list(type_) else type_


def type_of(value: Any, column: str) -> pa.DataType:
    """The type of one value of Python's json; text for an integer that int64 does not hold."""
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
    """A value as one of `type_`, which `unified` found for all values: a number among texts is its text."""
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
    """Nested objects as columns of their own: {"user": {"age": 3}} is a column `user.age`."""
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
