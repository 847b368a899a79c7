"""Numeric jitter: augmentation that moves values by at most their rounding error.

The rounding error of a value is estimated from the data as half the distance to the nearest other value of the column.
A jittered value therefore never crosses the midpoint between two observed values, and the order of the column is
preserved. This is a lower bound of the measurement error, because errors beyond the last recorded digit cannot be
estimated from one table. Distances are computed on quantile ranks (see components/transform/preprocessing.py), which
are the model's input.
"""

import numpy as np

from components.trainer.training_columns import TrainingColumns

MIN_VALUES = 32
"""Columns with fewer distinct values are not jittered: they are counts or grades, not rounded measurements."""


def half_steps(column: np.ndarray) -> np.ndarray:
    """Returns half the distance to the nearest other value of the column, [N]; 0 for columns of few distinct values."""
    values, at = np.unique(column, return_inverse=True)
    if len(values) < MIN_VALUES:
        return np.zeros(len(column), column.dtype)
    gaps = np.diff(values)
    nearest = np.minimum(np.append(np.inf, gaps), np.append(gaps, np.inf))
    half: np.ndarray = (nearest / 2)[at].astype(column.dtype)
    return half


def jittered(rows: TrainingColumns, share: float, draw: np.random.Generator) -> tuple[TrainingColumns, int]:
    """Jitters the numeric columns: adds uniform noise within +/- `share` times the half distance of each value.

    Missing values stay missing; categories, cyclical columns and labels are unchanged.

    Args:
      rows: Training rows.
      share: Amplitude as a share of the half distances, in (0, 1].
      draw: Random generator of the noise.

    Returns:
      New rows, and the number of columns that were jittered.
    """
    if "numeric" not in rows.features:
        return rows, 0
    numeric = rows.features["numeric"]
    missing = rows.features["missing"][:, : numeric.shape[1]] > 0
    moved = numeric.copy()
    columns = 0
    for column in range(numeric.shape[1]):
        there = ~missing[:, column]
        half = half_steps(numeric[there, column])
        if half.any():
            columns += 1
            moved[there, column] += half * share * draw.uniform(-1, 1, len(half)).astype(numeric.dtype)
    return TrainingColumns({**rows.features, "numeric": moved}, rows.labels), columns
