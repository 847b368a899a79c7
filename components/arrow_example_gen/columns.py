"""Column types: from the curated schema to Arrow, so that "007" stays a string and an empty column keeps its type."""

import pyarrow as pa
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.errors import ConfigError

_ARROW = {schema_pb2.INT: "int64", schema_pb2.FLOAT: "float64", schema_pb2.BYTES: "string"}


def parse_schema(text: str, name: str) -> schema_pb2.Schema:
    """A schema.pbtxt; ConfigError naming the line where it is broken. `name` is the file, for the message."""
    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as exc:
        raise ConfigError(f"{name}: is no valid schema ({exc})") from exc
    if not schema.feature:
        raise ConfigError(f"{name}: names no feature")
    names = [feature.name for feature in schema.feature]
    if twice := sorted({feature for feature in names if names.count(feature) > 1}):
        raise ConfigError(f"{name}: feature '{twice[0]}' is there twice; keep one")
    return schema


def column_types(schema: schema_pb2.Schema) -> dict[str, str]:
    """Column name -> Arrow type name, for every feature of the schema that is in use.

    INT is int64 and BYTES is a UTF-8 string. FLOAT is read as float64 and stored as float32, the only float that a
    tf.Example has.
    """
    unused = {schema_pb2.PLANNED, schema_pb2.DEPRECATED, schema_pb2.DISABLED}
    return {
        feature.name: _ARROW.get(feature.type, "string")
        for feature in schema.feature
        if feature.lifecycle_stage not in unused
    }


def arrow_types(columns: dict[str, str]) -> dict[str, pa.DataType]:
    """The same as Arrow's own type objects."""
    return {name: pa.type_for_alias(alias) for name, alias in columns.items()}
