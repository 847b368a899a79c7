"""Column types: from the curated schema to Arrow, so that "007" stays a string and an empty column keeps its type."""

import math
from collections import Counter

import pyarrow as pa
from google.protobuf import text_format
from pyarrow import types as is_
from tensorflow_metadata.proto.v0 import schema_pb2

from components.shared.errors import ConfigError

_ARROW = {schema_pb2.INT: "int64", schema_pb2.FLOAT: "float64", schema_pb2.BYTES: "string"}

_TYPES = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "time": pa.time64("us"),
    "duration": pa.duration("us"),
    "list:int64": pa.list_(pa.int64()),
    "list:float64": pa.list_(pa.float64()),
    "list:string": pa.list_(pa.string()),
}
"""Every type that a column can have, by the name it has in messages and in the component's parameters."""

TAGS = {"time": "time_of_day", "duration": "duration"}
"""Type -> the annotation that says so of a FLOAT feature of the schema: seconds."""


def parse_schema(text: str, name: str) -> schema_pb2.Schema:
    """A schema.pbtxt; ConfigError naming the line where it is broken. `name` is the file, for the message."""
    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as exc:
        raise ConfigError(f"{name}: is no valid schema ({exc})") from exc
    if not schema.feature:
        raise ConfigError(f"{name}: names no feature")
    names = [feature.name for feature in schema.feature]
    if twice := sorted(feature for feature, times in Counter(names).items() if times > 1):
        raise ConfigError(f"{name}: feature '{twice[0]}' is there twice; keep one")
    return schema


def column_types(schema: schema_pb2.Schema) -> dict[str, str]:
    """Column name -> name of its type, for every feature of the schema that is in use.

    BYTES is a UTF-8 string. INT is int64; with a `bool_domain` it is bool, with a `time_domain` that counts UNIX_DAYS a
    date and with one that counts UNIX_MICROSECONDS a timestamp. FLOAT is read as float64 and stored as float32, the
    only float that a tf.Example has; with the annotation "time_of_day" or "duration" it is a time of day or a duration,
    stored as seconds. A feature that may have several values is a list: `shape` says more than one,
    or `value_count` has a `max` above 1 or none at all.
    """
    unused = {schema_pb2.PLANNED, schema_pb2.DEPRECATED, schema_pb2.DISABLED}
    return {feature.name: _type_name(feature) for feature in schema.feature if feature.lifecycle_stage not in unused}


def arrow_types(columns: dict[str, str]) -> dict[str, pa.DataType]:
    """The same as Arrow's own type objects.

    Raises:
      ConfigError: A name that `column_types` does not give.
    """
    for name, alias in columns.items():
        if alias not in _TYPES:
            raise ConfigError(f"column '{name}': no such type as {alias!r}; legal: {', '.join(_TYPES)}")
    return {name: _TYPES[alias] for name, alias in columns.items()}


def type_name(type_: pa.DataType) -> str:
    """How a type is called in messages: our name where it is one of ours, otherwise Arrow's."""
    return next((name for name, own in _TYPES.items() if own == type_ and "list" in name), str(type_))


def _type_name(feature: schema_pb2.Feature) -> str:
    name = _ARROW.get(feature.type, "string")
    if _is_list(feature):
        return f"list:{name}"
    if feature.type == schema_pb2.FLOAT:
        return next((alias for alias, tag in TAGS.items() if tag in feature.annotation.tag), name)
    if feature.type != schema_pb2.INT:
        return name
    domain = feature.WhichOneof("domain_info")
    if domain == "bool_domain":
        return "bool"
    counts = feature.time_domain.integer_format if domain == "time_domain" else None
    if counts == schema_pb2.TimeDomain.UNIX_DAYS:
        return "date"
    return "timestamp" if counts == schema_pb2.TimeDomain.UNIX_MICROSECONDS else name


def _is_list(feature: schema_pb2.Feature) -> bool:
    if feature.HasField("shape"):
        return math.prod(dim.size for dim in feature.shape.dim) > 1
    # `max: 1` with `min: 0` is an optional scalar; without a maximum any number of values is legal.
    return feature.HasField("value_count") and (not feature.value_count.HasField("max") or feature.value_count.max > 1)


def is_list(type_: pa.DataType) -> bool:
    """Any of Arrow's lists."""
    return (
        is_.is_list(type_)
        or is_.is_large_list(type_)
        or is_.is_fixed_size_list(type_)
        or is_.is_list_view(type_)
        or is_.is_large_list_view(type_)
    )
