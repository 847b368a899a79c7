"""Numeric jitter within a column's own noise: values moved no further than they were rounded.

A column's noise is taken to be its resolution. A value stands for all that would have been written down as it, and the
nearest other value that the column holds says how wide that is: half the distance to it, on either side. So a
jittered value never passes the middle between two values that are there, and the order of the column stays. That is a
lower bound of the noise: what an instrument gets wrong beyond its last digit is not known from a table. The distance is
taken among quantiles (components/transform/preprocessing.py), which is what the model sees.
"""

import numpy as np

from components.trainer.training_columns import Columns

LEAST_VALUES = 32
"""A column of fewer different values is a scale (number of engines), not a measurement that was rounded."""


def half_steps(column: np.ndarray) -> np.ndarray:
    """Half the distance to the nearest other value of the column, [N]; 0 where there are too few different ones."""
    values, at = np.unique(column, return_inverse=True)
    if len(values) < LEAST_VALUES:
        return np.zeros(len(column), column.dtype)
    gaps = np.diff(values)
    nearest = np.minimum(np.append(np.inf, gaps), np.append(gaps, np.inf))
    half: np.ndarray = (nearest / 2)[at].astype(column.dtype)
    return half


def jittered(rows: Columns, share: float, draw: np.random.Generator) -> tuple[Columns, int]:
    """The rows with their numeric values moved, each evenly drawn from its half steps times `share`.

    A missing value stays missing, and categories, phases and labels stay what they are.

    Args:
      rows: Rows to learn from.
      share: Of the half steps, in (0, 1].
      draw: Of the moves.

    Returns:
      New rows, and how many columns were moved.
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
    return Columns({**rows.features, "numeric": moved}, rows.labels), columns
