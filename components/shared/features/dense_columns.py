"""Combines raw columns, one tensor each, into matrices; used by the transform graph and by served models.

Missing values are the same everywhere: no value, a number that is not finite, an empty string, or the smallest int64.
All columns of a type are processed at once, because tracing separate operations for thousands of columns takes minutes.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import tensorflow as tf

Raw: TypeAlias = tf.Tensor | tf.SparseTensor

MISSING_INT = tf.int64.min
MISSING = {tf.string: "", tf.int64: MISSING_INT, tf.float32: float("nan"), tf.float64: float("nan")}


def text(raw: Raw) -> tf.Tensor:
    """Converts a column to string [N]; integers in decimal, "" where missing."""
    return texts([raw])[:, 0]


def number(raw: Raw) -> tf.Tensor:
    """Converts a column to float32 [N], NaN where missing."""
    return numbers([raw])[:, 0]


def texts(raw: Sequence[Raw]) -> tf.Tensor:
    """Converts C columns to string [N, C]; integers in decimal, "" where missing."""
    return _by_type(raw, as_texts)


def numbers(raw: Sequence[Raw]) -> tf.Tensor:
    """Converts F columns to float32 [N, F], NaN where missing."""
    return _by_type(raw, as_numbers)


def integers(raw: Sequence[Raw]) -> tf.Tensor:
    """Converts W columns of integers to int64 [N, W], the smallest int64 where missing."""
    return _by_type(raw, lambda matrix: matrix)


def as_texts(matrix: tf.Tensor) -> tf.Tensor:
    """Converts strings, int64 or float32 of any shape to strings; integers in decimal, "" where missing."""
    if matrix.dtype == tf.string:
        return matrix
    if matrix.dtype.is_integer:
        return tf.where(matrix == MISSING_INT, "", tf.strings.as_string(matrix))
    return tf.where(tf.math.is_finite(matrix), tf.strings.as_string(matrix, shortest=True), "")


def as_numbers(matrix: tf.Tensor) -> tf.Tensor:
    """Converts int64 or floats of any shape to float32, NaN where missing."""
    if matrix.dtype.is_integer:
        return tf.where(matrix == MISSING_INT, float("nan"), tf.cast(matrix, tf.float32))
    matrix = tf.cast(matrix, tf.float32)
    return tf.where(tf.math.is_finite(matrix), matrix, float("nan"))


def _by_type(raw: Sequence[Raw], convert: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Converts columns type by type as [N, ...] matrices and concatenates them in the original order."""
    groups: dict[tuple[bool, tf.DType], list[int]] = {}
    for position, column in enumerate(raw):
        groups.setdefault((isinstance(column, tf.SparseTensor), column.dtype), []).append(position)
    parts = []
    for (sparse, dtype), positions in groups.items():
        columns = [raw[position] for position in positions]
        stored = tf.string if dtype == tf.string else tf.int64 if dtype.is_integer else tf.float32
        parts.append(convert(dense(columns, stored) if sparse else _side_by_side(columns, stored)))
    if len(parts) == 1:
        return parts[0]
    order = [position for positions in groups.values() for position in positions]
    return tf.gather(tf.concat(parts, axis=1), sorted(range(len(order)), key=order.__getitem__), axis=1)


def _side_by_side(columns: Sequence[tf.Tensor], dtype: tf.DType) -> tf.Tensor:
    """Stacks the first values of dense columns, [N] or [N, M], to [N, C]."""
    flat = [column if column.shape.rank == 1 else column[:, 0] for column in columns]
    return tf.cast(tf.stack(flat, axis=1), dtype) if dtype != tf.string else tf.stack(flat, axis=1)


def dense(columns: Sequence[tf.SparseTensor], dtype: tf.DType) -> tf.Tensor:
    """Stacks the first values of sparse columns of `dtype`, [N, M], to [N, C]; MISSING where a row has none."""
    rows = columns[0].dense_shape[0]
    sizes = tf.stack(tf.shape_n([column.values for column in columns], out_type=tf.int64))[:, 0]
    indices = tf.concat([column.indices for column in columns], axis=0)
    values = tf.concat([column.values for column in columns], axis=0)
    position = tf.repeat(tf.range(len(columns), dtype=tf.int64), sizes)
    first = indices[:, 1] == 0
    cells = tf.boolean_mask(tf.stack([indices[:, 0], position], axis=1), first)
    values = tf.boolean_mask(values if dtype == tf.string else tf.cast(values, dtype), first)
    missing = tf.fill([rows, len(columns)], tf.constant(MISSING[dtype], dtype))
    return tf.ensure_shape(tf.tensor_scatter_nd_update(missing, cells, values), [None, len(columns)])
