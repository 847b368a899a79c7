"""The share of missing values, as a category of its own."""

from functools import lru_cache

import numpy as np

from components.drift_validator.distances.distance_result import Measured
from components.drift_validator.distances.formatting import percent
from components.drift_validator.distances.hypergeometric import far_apart, last_likely
from components.drift_validator.sketches.sketch import Column


def missing(baseline: Column, current: Column) -> Measured:
    """The distance |missing rows / rows - the same of current|; the shares are shares of rows.

    The p-value is the law of the hypergeometric count in both tails (Fisher's exact test, by distance).

    Returns:
      0 = the same share, 1 = all missing on one side and none on the other. A side without rows has share 0, and tells
      nothing: p-value 1.
    """
    n, m = baseline.rows, current.rows
    pooled = baseline.missing + current.missing
    p, q = (column.missing / max(column.rows, 1) for column in (baseline, current))
    far = abs(baseline.missing * max(m, 1) - current.missing * max(n, 1))

    def critical(level: float) -> float:
        return _critical(pooled, n, m, level)

    detail = f"missing in {percent(q)}, was {percent(p)}" if far else ""
    return Measured("missing", far / (max(n, 1) * max(m, 1)), None, p, q, _law(pooled, n, m, far), critical, detail)


def _law(pooled: int, n: int, m: int, distance: int) -> float:
    return float(far_apart(np.array([pooled]), n, m, distance)[0]) if n and m else 1.0


@lru_cache(1 << 12)
def _critical(pooled: int, n: int, m: int, level: float) -> float:
    """Kept, because most columns of a wide table have as many missing values as the next: none."""
    return last_likely(lambda distance: _law(pooled, n, m, distance), n, m, level) / (n * m) if n and m else 1.0
