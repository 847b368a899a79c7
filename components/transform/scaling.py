"""Numbers as a model takes them: ranks among quantiles, robust standard scores, and phases as sine and cosine."""

from collections.abc import Sequence

import tensorflow as tf

QUANTILES = 256
"""Buckets of a numeric column; finer steps than a network can use would only slow the sketch."""
MOST_SPREADS = 10.0
"""Standardised values end there: a single wild value is no reason for a linear model to answer wildly."""
Z_90 = 1.2815516
"""90 % quantile of the standard normal distribution."""


def quantile_scale(values: tf.Tensor, grid: tf.Tensor) -> tf.Tensor:
    """Where in its column's training distribution a value lies: [N, F] to [N, F] in [-1, 1]; 0 where NaN.

    `grid` holds the quantiles of each column, [F, QUANTILES - 1].

    A value's rank among the quantiles, linear between them; a value that many rows share gets the middle of the
    ranks that it spans, so a constant column is 0. Outliers cannot squeeze the rest, and equal steps of the
    result hold equal shares of the rows, which makes the model's equally spaced knots quantile knots.
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
    """Values [N, F] less their column's median, in units of its spread; [-10, 10], 0 where NaN.

    `grid` is as in `quantile_scale`, which cannot tell how far a value lies beyond those of training: a trend goes on
    there. The spread is the standard deviation of a normal distribution with the same 10 % and 90 % quantiles, which
    outliers do not move; where these are equal, the range.
    """
    low, middle, high = (grid[:, round(share * QUANTILES) - 1] for share in (0.1, 0.5, 0.9))
    spread = (high - low) / (2 * Z_90)
    spread = tf.where(spread > 0, spread, grid[:, -1] - grid[:, 0])
    found = tf.clip_by_value(tf.math.divide_no_nan(values - middle, spread), -MOST_SPREADS, MOST_SPREADS)
    return tf.where(tf.math.is_finite(found), found, tf.zeros_like(found))


def phases(values: tf.Tensor, periods: Sequence[float]) -> tf.Tensor:
    """Sine and cosine of 2 pi x / period, [N, K] to [N, 2K] as sin, cos, sin, cos; both 0 where NaN."""
    # The remainder first: the sine of a large float32 angle has lost its digits.
    period = tf.constant(periods, values.dtype)
    turn = tf.math.floormod(values, period) / period
    angle = 2 * tf.constant(3.141592653589793, values.dtype) * turn
    pair = tf.stack([tf.sin(angle), tf.cos(angle)], axis=2)
    pair = tf.where(tf.math.is_nan(pair), tf.zeros_like(pair), pair)
    return tf.reshape(pair, [-1, 2 * len(periods)])
