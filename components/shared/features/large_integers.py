"""Integers beyond 2^24, which float32 does not tell apart: how they become numbers that it does.

An offset is taken off in integers first. What is left is float64, rounded once: exact within 2^53 of the offset. The
same in NumPy, for analysis, and in TensorFlow, for training and serving.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

FLOAT32, FLOAT64 = 1 << 24, 1 << 53
"""Up to there each holds every integer."""
_HALF = 32
_LOW = (1 << _HALF) - 1
_MOST = 9223372036854774784.0
"""The greatest float64 below 2^63."""


def less(values: np.ndarray, offset: int) -> np.ndarray:
    """`values`, int64, less `offset`, as float64 of the same shape; no overflow, whatever they are."""
    # High and low 32 bits: the difference of each is exact in float64, so that their sum is rounded once.
    high = (values >> _HALF) - (offset >> _HALF)
    found: np.ndarray = high.astype(np.float64) * 2.0**_HALF + ((values & _LOW) - (offset & _LOW))
    return found


def less_tensor(values: "tf.Tensor", offsets: "tf.Tensor") -> "tf.Tensor":
    """`values`, int64 [N, W], less `offsets`, int64 [W], as float64; NaN where missing."""
    import tensorflow as tf

    from components.shared.features.dense_columns import MISSING_INT

    (high, low), (high_offset, low_offset) = _halves(values), _halves(offsets)
    apart = tf.cast(high - high_offset, tf.float64) * 2.0**_HALF + tf.cast(low - low_offset, tf.float64)
    return tf.where(values == MISSING_INT, tf.constant(float("nan"), tf.float64), apart)


def remainders(values: "tf.Tensor", periods: Sequence[float]) -> "tf.Tensor":
    """`values`, int64 [N, W], modulo their column's period, float64 in [0, period); NaN where missing."""
    import tensorflow as tf

    from components.shared.features.dense_columns import MISSING_INT

    period = tf.constant(periods, tf.float64)
    high, low = (tf.cast(half, tf.float64) for half in _halves(values))
    # Both halves are exact, and so is the remainder of each.
    both = tf.math.floormod(high * 2.0**_HALF, period) + tf.math.floormod(low, period)
    nothing = tf.constant(float("nan"), tf.float64)
    return tf.where(values == MISSING_INT, nothing, tf.math.floormod(both, period))


def as_integers(values: "tf.Tensor") -> "tf.Tensor":
    """int64, or floats of any shape rounded to int64; the smallest int64 where missing. Beyond int64 is its end."""
    import tensorflow as tf

    from components.shared.features.dense_columns import MISSING_INT

    if values.dtype.is_integer:
        return tf.cast(values, tf.int64)
    there = tf.math.is_finite(values)
    rounded = tf.round(tf.cast(tf.where(there, values, tf.zeros_like(values)), tf.float64))
    return tf.where(there, tf.cast(tf.clip_by_value(rounded, -_MOST, _MOST), tf.int64), MISSING_INT)


def _halves(values: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
    import tensorflow as tf

    high = tf.bitwise.right_shift(values, tf.constant(_HALF, tf.int64))
    return high, tf.bitwise.bitwise_and(values, tf.constant(_LOW, tf.int64))
