"""Maps the schema's feature types to type aliases and Arrow types."""

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
    "image": pa.binary(),
    "list:int64": pa.list_(pa.int64()),
    "list:float64": pa.list_(pa.float64()),
    "list:string": pa.list_(pa.string()),
}
"""Type alias, as used in messages and component parameters -> Arrow type."""

IMAGE = "image"
"""Type alias of a column of images."""

TAGS = {"time": "time_of_day", "duration": "duration"}
"""Type alias -> annotation tag of a FLOAT feature of the schema, stored as seconds."""


def parse_schema(text: str, name: str) -> schema_pb2.Schema:
    """Parses schema.pbtxt.

    Args:
      text: Content of the file.
      name: Name of the file, for messages.

    Raises:
      ConfigError: The text is not a valid schema (with the line), has no feature or a duplicate feature.
    """
    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as exc:
        raise ConfigError(f"{name}: is not a valid schema ({exc})") from exc
    if not schema.feature:
        raise ConfigError(f"{name}: has no feature")
    names = [feature.name for feature in schema.feature]
    if twice := sorted(feature for feature, times in Counter(names).items() if times > 1):
        raise ConfigError(f"{name}: feature '{twice[0]}' is duplicated; keep one")
    return schema


def column_types(schema: schema_pb2.Schema) -> dict[str, str]:
    """Column -> type alias, for every feature except planned, deprecated and disabled ones.

    BYTES is a UTF-8 string, or with an `image_domain` an encoded image or the path of one. INT is int64; bool with a
    `bool_domain`, date with a `time_domain` in UNIX_DAYS, timestamp with one in UNIX_MICROSECONDS. FLOAT is read as
    float64 and stored as float32, the only float type of a tf.Example; with the annotation tag "time_of_day" or
    "duration" it is a time of day or a duration, stored as seconds. A feature is a list if its `shape` has more than
    one value, or its `value_count` has a `max` above 1 or no `max`.
    """
    unused = {schema_pb2.PLANNED, schema_pb2.DEPRECATED, schema_pb2.DISABLED}
    return {feature.name: _type_name(feature) for feature in schema.feature if feature.lifecycle_stage not in unused}


def arrow_types(columns: dict[str, str]) -> dict[str, pa.DataType]:
    """Column -> Arrow type.

    Args:
      columns: Column -> type alias.

    Raises:
      ConfigError: An unknown type alias; the message lists the legal ones.
    """
    for name, alias in columns.items():
        if alias not in _TYPES:
            raise ConfigError(f"column '{name}': unknown type {alias!r}; legal: {', '.join(_TYPES)}")
    return {name: _TYPES[alias] for name, alias in columns.items()}


def type_name(type_: pa.DataType) -> str:
    """The name of a type in messages: the alias for lists, otherwise Arrow's name."""
    return next((name for name, own in _TYPES.items() if own == type_ and "list" in name), str(type_))


def _type_name(feature: schema_pb2.Feature) -> str:
    name = _ARROW.get(feature.type, "string")
    if _is_list(feature):
        return f"list:{name}"
    if feature.type == schema_pb2.FLOAT:
        return next((alias for alias, tag in TAGS.items() if tag in feature.annotation.tag), name)
    domain = feature.WhichOneof("domain_info")
    if feature.type != schema_pb2.INT:
        return IMAGE if domain == "image_domain" and feature.type == schema_pb2.BYTES else name
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
    """Whether a type is any of Arrow's list types."""
    return (
        is_.is_list(type_)
        or is_.is_large_list(type_)
        or is_.is_fixed_size_list(type_)
        or is_.is_list_view(type_)
        or is_.is_large_list_view(type_)
    )
