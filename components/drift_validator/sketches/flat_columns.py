"""Flattens an Arrow column to its values and the number of values in each row."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_SECONDS_OF_DATE = {pa.date32(): ("int32", 86_400.0), pa.date64(): ("int64", 1e-3)}


@dataclass(frozen=True, eq=False)
class FlatColumn:
    """The values of a column of N rows, concatenated.

    Attributes:
      items: Values without nulls and NaN: numbers and booleans as a NumPy array; text, binary and dictionaries of these
        as Arrow.
      rows: Number of rows N.
      counts: Number of values in each row, [N]; None if each row has exactly one.
    """

    items: np.ndarray | pa.Array
    rows: int
    counts: np.ndarray | None = None

    @property
    def is_text(self) -> bool:
        """Whether the values are text or bytes instead of numbers."""
        return not isinstance(self.items, np.ndarray)

    @property
    def filled(self) -> int:
        """Number of rows with at least one value."""
        return self.rows if self.counts is None else int(np.count_nonzero(self.counts))


def flatten(column: pa.Array) -> FlatColumn | None:
    """Flattens a column of a primitive type or of lists of a primitive type.

    Numbers keep their type, decimals become float64. Timestamps become seconds since 1970-01-01 (UTC if the column has
    a time zone), dates the seconds of midnight, times of day seconds since midnight, durations seconds, all as float64.
    Null and NaN, also within a list, and empty lists are missing.

    Args:
      column: The column.

    Returns:
      The values; None for nested types (lists of lists, structs, maps, unions).
    """
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        counts = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        found = _items(column.flatten())
        if found is None:
            return None
        items, there = found
        if there is not None:
            row = np.repeat(np.arange(len(column)), counts)
            counts = np.bincount(row[there], minlength=len(column))
    else:
        found = _items(column)
        if found is None:
            return None
        items, there = found
        if there is None:
            return FlatColumn(items, len(column))
        counts = there.astype(np.int64)
    return FlatColumn(items, len(column), None if bool((counts == 1).all()) else counts)


def _items(flat: pa.Array) -> tuple[np.ndarray | pa.Array, np.ndarray | None] | None:
    """Values without missing ones, and the mask of their positions (None for all); None for nested types."""
    kind = flat.type
    if pa.types.is_null(kind):
        return np.empty(0), np.zeros(len(flat), bool)
    if pa.types.is_dictionary(kind) and not _is_text(kind.value_type):
        return _items(flat.dictionary_decode())
    if pa.types.is_dictionary(kind) and flat.dictionary.null_count:
        return _items(flat.dictionary_decode())
    there = None
    if flat.null_count:
        there = flat.is_valid().to_numpy(zero_copy_only=False)
        flat = flat.drop_null()
    if pa.types.is_dictionary(kind) or _is_text(kind):
        return flat, there
    numbers = _numbers(flat)
    if numbers is None:
        return None
    if numbers.dtype.kind == "f":
        absent = np.isnan(numbers)
        if absent.any():
            numbers = numbers[~absent]
            if there is None:
                there = ~absent
            else:
                there[np.flatnonzero(there)[absent]] = False
    return numbers, there


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary_view(kind)
    )


def _numbers(flat: pa.Array) -> np.ndarray | None:
    """An array without nulls as NumPy numbers; None if its type is not numeric."""
    kind = flat.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return flat.to_numpy(zero_copy_only=False)
    if pa.types.is_decimal(kind):
        return flat.cast(pa.float64()).to_numpy(zero_copy_only=False)
    if kind in _SECONDS_OF_DATE:
        whole, scale = _SECONDS_OF_DATE[kind]
        return flat.cast(whole).to_numpy(zero_copy_only=False) * scale
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind):
        whole = "int32" if pa.types.is_time32(kind) else "int64"
        return flat.cast(whole).to_numpy(zero_copy_only=False) * _SECONDS[kind.unit]
    return None
