"""Computes derived columns of raw tensors, in the transform graph and in a served model; see derived_features.py."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from components.shared.features.calendar_parts import MISSING
from components.shared.features.dense_columns import Raw, dense
from components.shared.features.derived_features import COUNT, HAS, Derived, part_of, reading

Column = Callable[[str], Raw]


def derived(raw: Mapping[str, Raw], names: Sequence[str]) -> dict[str, tf.Tensor]:
    """Computes the derived columns among `names`, float32 [N] each, NaN where missing, from the columns `raw`."""
    meant = {name: one for name in names if (one := reading(name, raw.__contains__)) is not None}
    found: dict[str, tf.Tensor] = {}
    integers: dict[str, tf.Tensor] = {}

    def moments(name: str) -> tf.Tensor:
        if name not in integers:
            integers[name] = _first(raw[name])
        return integers[name]

    for name, one in meant.items():
        if one.unit:
            found[name] = part_of(one, moments(one.column), moments(one.time or one.column), tf.where, _cast)
    lists = {one.column for one in meant.values() if not one.unit}
    for column in lists:
        found |= _of_list(raw[column], {name: one for name, one in meant.items() if one.column == column})
    return {name: found[name] for name in meant}


def _cast(numbers: Any, kind: str) -> tf.Tensor:
    return tf.cast(numbers, tf.as_dtype(kind))


def _first(column: Raw) -> tf.Tensor:
    """First values, int64 [N]; the smallest int64 where missing."""
    if isinstance(column, tf.SparseTensor):
        return dense([column], tf.int64)[:, 0]
    return tf.cast(column if column.shape.rank == 1 else column[:, 0], tf.int64)


def _of_list(column: Raw, meant: Mapping[str, Derived]) -> dict[str, tf.Tensor]:
    """Columns derived from one list column."""
    row, values, rows = flat(column)
    found: dict[str, tf.Tensor] = {}
    wanted = {name: one.item for name, one in meant.items() if one.part == HAS and not one.unit}
    if wanted:
        same = values[:, None] == tf.constant(list(wanted.values()), tf.string)[None, :]
        hot = tf.math.unsorted_segment_max(tf.cast(same, tf.float32), row, rows)
        hot = tf.maximum(hot, 0.0)  # the maximum of an empty segment is the smallest float
        found |= {name: hot[:, place] for place, name in enumerate(wanted)}
    for name, one in meant.items():
        if one.part == COUNT:
            counts = tf.math.unsorted_segment_sum(tf.ones_like(row, tf.float32), row, rows)
            found[name] = counts
        elif one.part != HAS and not one.unit:
            found[name] = _summary(one.part, row, tf.cast(values, tf.float64), rows)
    return found


def _summary(part: str, row: tf.Tensor, values: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    there = tf.math.is_finite(values)
    row, values = tf.boolean_mask(row, there), tf.boolean_mask(values, there)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(values), row, rows)
    if part == "mean":
        found = tf.math.unsorted_segment_sum(values, row, rows) / counts
    else:
        segment = tf.math.unsorted_segment_min if part == "min" else tf.math.unsorted_segment_max
        found = segment(values, row, rows)
    return tf.cast(tf.where(counts > 0, found, tf.constant(float("nan"), tf.float64)), tf.float32)


def flat(column: Raw) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the row of each value, int64 [M]; the values [M]; and the number of rows."""
    if isinstance(column, tf.SparseTensor):
        return column.indices[:, 0], column.values, column.dense_shape[0]
    column = column if column.shape.rank == 1 else column[:, 0]
    rows = tf.size(column, tf.int64)
    there = column != (MISSING if column.dtype.is_integer else "") if not column.dtype.is_floating else column == column
    row = tf.boolean_mask(tf.range(rows), there)
    return row, tf.boolean_mask(column, there), rows
