"""Computes derived columns of record batches of tf.Examples, see derived_features.py."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.features.calendar_parts import MISSING
from components.shared.features.derived_features import (
    COUNT,
    HAS,
    Derived,
    of_dates,
    of_lists,
    reading,
    readings,
    sources,
)


def raw_names(batch: pa.RecordBatch, names: Iterable[str]) -> list[str]:
    """Returns the columns of the batch that are needed for the named raw or derived columns, without duplicates."""
    there = set(batch.schema.names)
    return sources(names, there.__contains__)


def derived_cells(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    """Computes a derived column, float32 [N], null where missing; None if `name` is not a derived column."""
    there = set(batch.schema.names)
    meant = reading(name, there.__contains__) or next(iter(readings(name)), None)
    if name in there or meant is None:
        return None
    found = _of_lists(batch, meant) if not meant.unit else _of_dates(batch, meant)
    return pa.array(found, pa.float32(), mask=~np.isfinite(found))


def _of_dates(batch: pa.RecordBatch, meant: Derived) -> np.ndarray:
    first, *more = (moments(_column(batch, name)) for name in meant.sources)
    return of_dates(meant, first, *more)


def _of_lists(batch: pa.RecordBatch, meant: Derived) -> np.ndarray:
    column = _column(batch, meant.column)
    if not is_list(column.type):
        return of_lists(meant, np.zeros(batch.num_rows, np.int64), np.zeros(0))
    lengths, values = list_lengths(column), column.flatten()
    if meant.part == HAS:
        same = np.zeros(len(values), bool)
        if pa.types.is_binary(values.type) or pa.types.is_string(values.type) or pa.types.is_large_binary(values.type):
            item = pa.scalar(meant.item if pa.types.is_string(values.type) else meant.item.encode(), values.type)
            same = pc.fill_null(pc.equal(values, item), False).to_numpy(zero_copy_only=False)
        return of_lists(meant, lengths, same)
    if meant.part == COUNT:
        return of_lists(meant, lengths, np.zeros(0))
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
        return np.full(batch.num_rows, np.nan, np.float32)
    return of_lists(meant, lengths, values.to_numpy(zero_copy_only=False))


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column; nulls if no example of the batch has it."""
    return batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows)


def moments(column: pa.Array) -> np.ndarray:
    """Converts dates, timestamps or lists of integers to days or microseconds, int64 [N]; missing is the smallest."""
    if is_list(column.type):
        lengths, values = list_lengths(column), column.flatten()
        column = values.take(pa.array(lengths.cumsum() - lengths, pa.int64(), mask=lengths == 0))
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    elif pa.types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.int32())
    elif not pa.types.is_integer(column.type):
        return np.full(len(column), MISSING, np.int64)
    integers: np.ndarray = column.cast(pa.int64()).fill_null(MISSING).to_numpy(zero_copy_only=False)
    return integers


def is_list(type_: pa.DataType) -> bool:
    """Whether a type is a list, as the columns of examples are."""
    return pa.types.is_list(type_) or pa.types.is_large_list(type_)


def list_lengths(lists: pa.Array) -> np.ndarray:
    """Returns the number of values of each row, int64 [N]; 0 for null."""
    lengths: np.ndarray = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths
