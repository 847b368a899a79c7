"""Conversion of NumPy columns to Arrow, and the common Arrow type of columns whose type changed between versions."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import pyarrow as pa


def arrow_array(array: np.ndarray) -> pa.Array:
    """Converts a column to Arrow, as `records` describes it.

    Args:
      array: Shape (N,), (N, 1) or (N, k, …); may be a masked array.

    Returns:
      N values.

    Raises:
      ValueError: The shape or the type cannot be logged.
    """
    if array.ndim == 0:
        raise ValueError("a column needs at least one dimension")
    mask = np.ma.getmaskarray(array).reshape(-1) if isinstance(array, np.ma.MaskedArray) else None
    values = _flat(np.ma.getdata(array).reshape(-1), mask)
    inner = array.shape[1:]
    if prod(inner) == 1:
        return values
    for length, outer in zip(reversed(inner), np.cumprod((len(array), *inner))[:-1][::-1], strict=True):
        values = pa.ListArray.from_arrays(pa.array(np.arange(outer + 1, dtype=np.int32) * length, pa.int32()), values)
    return values


def _flat(values: np.ndarray, mask: np.ndarray | None) -> pa.Array:
    kind = values.dtype.kind
    if kind in "OSU":
        return _binary(values.tolist(), mask)
    if (kind == "V" and "float" in values.dtype.name) or values.dtype == np.float16:  # bfloat16 of ml_dtypes
        values = values.astype(np.float32)
    elif kind == "f" and values.dtype.itemsize > 8:
        values = values.astype(np.float64)
    elif kind not in "fiub":
        raise ValueError(f"values of type {values.dtype} cannot be logged")
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    return pa.array(values, mask=mask, from_pandas=False)


def _binary(values: list[Any], mask: np.ndarray | None) -> pa.Array:
    if mask is not None:
        values = [None if missing else value for value, missing in zip(values, mask.tolist(), strict=True)]
    try:
        return pa.array(values, pa.binary())
    except (pa.ArrowException, UnicodeError, TypeError):
        return pa.array([_bytes(value) for value in values], pa.binary())


def _bytes(value: Any) -> bytes | None:
    """UTF-8 of a text, with lone surrogates as escapes; other values by their text, None and NaN as null."""
    if isinstance(value, bytes):
        return value
    if value is None or (isinstance(value, float) and value != value):
        return None
    return str(value).encode("utf-8", "backslashreplace")


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Type that holds the values of both: the wider number; binary (values as text) where there is no common type."""
    if one.equals(other) or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(common_type(one.value_type, other.value_type))
    if _is_text(one) and _is_text(other):
        return pa.binary()
    numbers = sorted(
        (one, other), key=lambda type_: (pa.types.is_floating(type_), type_.bit_width if _is_number(type_) else 0)
    )
    if not all(map(_is_number, numbers)):
        return pa.binary()
    narrow, wide = numbers
    if pa.types.is_floating(wide):
        return wide if pa.types.is_floating(narrow) or pa.types.is_boolean(narrow) else pa.float64()
    if pa.types.is_boolean(narrow) or pa.types.is_signed_integer(narrow) == pa.types.is_signed_integer(wide):
        return wide
    return pa.float64() if pa.uint64() in (one, other) else pa.int64()


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_))


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type_) or pa.types.is_string(type_))


def merged_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Merges schemas by column name: all columns, in the order of their first appearance, each with its common type."""
    types: dict[str, pa.DataType] = {}
    for schema in schemas:
        for column in schema:
            types[column.name] = common_type(types[column.name], column.type) if column.name in types else column.type
    return pa.schema(list(types.items()))


def conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Returns a batch with the columns and types of a merged schema; missing columns are null."""
    columns = []
    for column in schema:
        index = batch.schema.get_field_index(column.name)
        columns.append(pa.nulls(batch.num_rows, column.type) if index < 0 else _cast(batch.column(index), column.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(values: pa.Array, type_: pa.DataType) -> pa.Array:
    if values.type.equals(type_):
        return values
    if pa.types.is_binary(type_):
        if _is_text(values.type):
            return values.cast(type_)
        return pa.array([_bytes(value) for value in values.to_pylist()], type_)
    return values.cast(type_, safe=False)
