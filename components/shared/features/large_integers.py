"""Converts integers beyond 2^24, which float32 cannot represent, to floats that preserve their differences.

An offset is subtracted in integer arithmetic. The difference is rounded once to float64, and is exact within 2^53 of
the offset. NumPy (analysis) and TensorFlow (training and serving) give the same results.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

FLOAT32, FLOAT64 = 1 << 24, 1 << 53
"""Bounds up to which the types represent every integer."""
_HALF = 32
_LOW = (1 << _HALF) - 1
_MAX_INT64 = 9223372036854774784.0
"""The largest float64 below 2^63."""


def less(values: np.ndarray, offset: int) -> np.ndarray:
    """Subtracts `offset` from int64 values; float64 of the same shape, without overflow for any values."""
    # High and low 32 bits are subtracted separately: both differences are exact in float64, so the sum rounds once.
    high = (values >> _HALF) - (offset >> _HALF)
    found: np.ndarray = high.astype(np.float64) * 2.0**_HALF + ((values & _LOW) - (offset & _LOW))
    return found


def less_tensor(values: "tf.Tensor", offsets: "tf.Tensor") -> "tf.Tensor":
    """Subtracts `offsets`, int64 [W], from `values`, int64 [N, W], as float64; NaN where missing."""
    import tensorflow as tf

    from components.shared.features.dense_columns import MISSING_INT

    (high, low), (high_offset, low_offset) = _halves(values), _halves(offsets)
    apart = tf.cast(high - high_offset, tf.float64) * 2.0**_HALF + tf.cast(low - low_offset, tf.float64)
    return tf.where(values == MISSING_INT, tf.constant(float("nan"), tf.float64), apart)


def remainders(values: "tf.Tensor", periods: Sequence[float]) -> "tf.Tensor":
    """Computes int64 [N, W] modulo the periods of the columns, float64 in [0, period); NaN where missing."""
    import tensorflow as tf

    from components.shared.features.dense_columns import MISSING_INT

    period = tf.constant(periods, tf.float64)
    high, low = (tf.cast(half, tf.float64) for half in _halves(values))
    # Both halves are exact, and so are their remainders.
    both = tf.math.floormod(high * 2.0**_HALF, period) + tf.math.floormod(low, period)
    nothing = tf.constant(float("nan"), tf.float64)
    return tf.where(values == MISSING_INT, nothing, tf.math.floormod(both, period))


def as_integers(values: "tf.Tensor") -> "tf.Tensor":
    """Rounds floats of any shape to int64, clipped to its range; the smallest int64 where missing."""
    import tensorflow as tf

    from components.shared.features.dense_columns import MISSING_INT

    if values.dtype.is_integer:
        return tf.cast(values, tf.int64)
    there = tf.math.is_finite(values)
    rounded = tf.round(tf.cast(tf.where(there, values, tf.zeros_like(values)), tf.float64))
    return tf.where(there, tf.cast(tf.clip_by_value(rounded, -_MAX_INT64, _MAX_INT64), tf.int64), MISSING_INT)


def _halves(values: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
    import tensorflow as tf

    high = tf.bitwise.right_shift(values, tf.constant(_HALF, tf.int64))
    return high, tf.bitwise.bitwise_and(values, tf.constant(_LOW, tf.int64))
