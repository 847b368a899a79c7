"""Conversion of features to common types, so that logged rows and training rows can be compared.

    schema type            column
    int64, bool            int64
    date, timestamp        int64: days, or microseconds, since 1970-01-01 (UTC)
    float64, time, duration  float64, with the precision of float32, the only float type of a tf.Example
    string                 string
    list:<type>            list of one of these

Missing values are null: the server logs a missing value as NaN, as "" or as the smallest integer, examples lack it. A
value that does not fit the type is null as well.
"""

from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.iso_times import time_of_iso

_MISSING_INTEGERS = {pa.int64(): -(2**63), pa.int32(): -(2**31)}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def column_type(alias: str) -> pa.DataType:
    """Type of a column, see the module's docstring; `alias` is the type in the schema."""
    if alias.startswith("list:"):
        return pa.list_(column_type(alias.removeprefix("list:")))
    if alias in ("int64", "bool", "date", "timestamp"):
        return pa.int64()
    return pa.string() if alias == "string" else pa.float64()


def logged_column(values: pa.Array, alias: str, separator: str = ";") -> pa.Array:
    """Converts a feature of the request log.

    Args:
      values: N values as logged.
      alias: Type in the schema.
      separator: Separator of the items of a list that is sent as text.

    Returns:
      N values of `column_type(alias)`.
    """
    wanted = column_type(alias)
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), wanted)
    if alias.startswith("list:"):
        return _list(values, alias.removeprefix("list:"), separator)
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return pa.nulls(len(values), wanted)  # several values where the schema has one
    if pa.types.is_binary(values.type) or pa.types.is_string(values.type):
        return _of_texts(values, alias)
    if pa.types.is_string(wanted):
        return _without_missing(values).cast(pa.string())
    if pa.types.is_boolean(values.type):
        return values.cast(wanted)
    values = _without_missing(values)
    if pa.types.is_floating(values.type) and pa.types.is_integer(wanted):
        return pc.round(values).cast(wanted, safe=False)
    return _single(values.cast(wanted, safe=False)) if pa.types.is_floating(wanted) else values.cast(wanted, safe=False)


def example_column(values: pa.Array, alias: str) -> pa.Array:
    """Converts a feature of tf.Examples, single values or lists of int64, float32 or bytes; see `logged_column`."""
    wanted = column_type(alias)
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), wanted)
    if alias.startswith("list:"):
        items = example_column(values.flatten(), alias.removeprefix("list:"))
        offsets = np.concatenate([[0], np.cumsum(pc.fill_null(pc.list_value_length(values), 0).to_numpy())])
        there = pc.greater(pc.fill_null(pc.list_value_length(values), 0), 0)
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items)
        return pc.if_else(there, lists, pa.scalar(None, lists.type))
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        return _texts(values)
    values = _without_missing(values)
    return _single(values.cast(wanted, safe=False)) if pa.types.is_floating(wanted) else values.cast(wanted, safe=False)


def _without_missing(values: pa.Array) -> pa.Array:
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    missing = _MISSING_INTEGERS.get(values.type)
    if missing is None:
        return values
    return pc.if_else(pc.equal(values, missing), pa.scalar(None, values.type), values)


def _single(values: pa.Array) -> pa.Array:
    """float64 with the precision of float32."""
    return values.cast(pa.float32(), safe=False).cast(pa.float64())


def _texts(values: pa.Array) -> pa.Array:
    """Bytes as UTF-8 with other bytes as escapes; "" is missing."""
    try:
        texts = values.cast(pa.string())
    except pa.ArrowInvalid:
        texts = pa.array(
            [None if one is None else bytes(one).decode("utf-8", "backslashreplace") for one in values.to_pylist()],
            pa.string(),
        )
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _of_texts(values: pa.Array, alias: str) -> pa.Array:
    texts = _texts(values)
    if alias == "string":
        return texts
    read: Callable[[str], Any] = {"date": _days, "timestamp": _microseconds, "bool": _truth}.get(alias, float)
    codes = texts.dictionary_encode()
    found = [_read(read, text) for text in codes.dictionary.to_pylist()]
    if pa.types.is_integer(column_type(alias)):
        found = [None if one is None else int(one) for one in found]
    values = pa.array(found, column_type(alias)).take(codes.indices)
    return _single(values) if pa.types.is_floating(values.type) else values


def _read(read: Callable[[str], Any], text: str) -> Any:
    try:
        found = read(text)
        return None if isinstance(found, float) and not np.isfinite(found) else found
    except (ValueError, OverflowError):
        return None


def _moment(text: str) -> datetime:
    found = time_of_iso(text)
    return found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found


def _microseconds(text: str) -> int:
    since = _moment(text) - _EPOCH
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds


def _days(text: str) -> int:
    return (_moment(text).astimezone(timezone.utc).date() - date(1970, 1, 1)).days


def _truth(text: str) -> int:
    legal = {"true": 1, "1": 1, "false": 0, "0": 0}
    if text.lower() not in legal:
        raise ValueError(text)
    return legal[text.lower()]


def _list(values: pa.Array, alias: str, separator: str) -> pa.Array:
    if pa.types.is_list(values.type):
        return example_column(values, f"list:{alias}")
    parts = pc.split_pattern(_texts(values), separator)
    items = _of_texts(parts.flatten(), alias)
    offsets = np.concatenate([[0], np.cumsum(pc.fill_null(pc.list_value_length(parts), 0).to_numpy())])
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items)
    return pc.if_else(parts.is_valid(), lists, pa.scalar(None, lists.type))
