"""Scales numeric columns: quantile ranks, robust standard scores, and phases as sine and cosine."""

from collections.abc import Sequence

import tensorflow as tf

QUANTILES = 256
"""Quantile buckets of a numeric column; the network cannot use a finer resolution."""
MAX_SPREADS = 10.0
"""Standardised values are clipped here, so that a single outlier does not dominate a linear model's prediction."""
Z_90 = 1.2815516
"""90 % quantile of the standard normal distribution."""


def quantile_scale(values: tf.Tensor, grid: tf.Tensor) -> tf.Tensor:
    """Maps values to their quantile rank in the training rows: [N, F] to [N, F] in [-1, 1]; 0 where NaN.

    The rank is interpolated linearly between quantiles. A value that spans several quantiles gets the middle of their
    ranks, so a constant column becomes 0. Outliers do not compress the other values, and equal intervals of the result
    hold equal shares of the rows, so that equally spaced knots are quantile knots.

    Args:
      values: Numeric columns, [N, F].
      grid: Quantiles of each column, ascending, [F, QUANTILES - 1].
    """
    columns = tf.transpose(values)
    below = tf.searchsorted(grid, columns, side="left")
    up_to = tf.searchsorted(grid, columns, side="right")
    last = QUANTILES - 2
    lower = tf.gather(grid, tf.clip_by_value(below - 1, 0, last), batch_dims=1)
    upper = tf.gather(grid, tf.clip_by_value(below, 0, last), batch_dims=1)
    between = tf.cast(below - 1, values.dtype) + tf.math.divide_no_nan(columns - lower, upper - lower)
    shared = tf.cast(below + up_to - 1, values.dtype) / 2
    rank = tf.where(up_to > below, shared, between) / last
    one = tf.ones([], values.dtype)
    scaled = tf.where(below > last, one, tf.where(up_to == 0, -one, 2 * rank - 1))
    usable = tf.math.is_finite(columns) & tf.math.is_finite(scaled)
    return tf.transpose(tf.where(usable, scaled, tf.zeros_like(scaled)))


def standard_scale(values: tf.Tensor, grid: tf.Tensor) -> tf.Tensor:
    """Standardises values [N, F] by median and robust standard deviation; clipped to [-10, 10], 0 where NaN.

    Unlike `quantile_scale`, the result continues to grow beyond the range of the training rows, as a trend does. The
    robust standard deviation is that of a normal distribution with the same 10 % and 90 % quantiles, which outliers do
    not affect; if these are equal, the range is used.

    Args:
      values: Numeric columns, [N, F].
      grid: Quantiles of each column, ascending, [F, QUANTILES - 1].
    """
    low, middle, high = (grid[:, round(share * QUANTILES) - 1] for share in (0.1, 0.5, 0.9))
    spread = (high - low) / (2 * Z_90)
    spread = tf.where(spread > 0, spread, grid[:, -1] - grid[:, 0])
    found = tf.clip_by_value(tf.math.divide_no_nan(values - middle, spread), -MAX_SPREADS, MAX_SPREADS)
    return tf.where(tf.math.is_finite(found), found, tf.zeros_like(found))


def phases(values: tf.Tensor, periods: Sequence[float]) -> tf.Tensor:
    """Computes sine and cosine of 2 pi x / period, [N, K] to [N, 2K] as sin, cos, sin, cos; both 0 where NaN."""
    # The remainder is computed first, because the sine of a large float32 angle is imprecise.
    period = tf.constant(periods, values.dtype)
    turn = tf.math.floormod(values, period) / period
    angle = 2 * tf.constant(3.141592653589793, values.dtype) * turn
    pair = tf.stack([tf.sin(angle), tf.cos(angle)], axis=2)
    pair = tf.where(tf.math.is_nan(pair), tf.zeros_like(pair), pair)
    return tf.reshape(pair, [-1, 2 * len(periods)])
