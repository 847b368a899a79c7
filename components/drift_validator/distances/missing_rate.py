"""The difference of missing rates."""

from functools import lru_cache

import numpy as np

from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.formatting import percent
from components.drift_validator.distances.hypergeometric import critical_distance, two_sided_p_value
from components.drift_validator.sketches.sketch import ColumnSketch


def missing_rate(baseline: ColumnSketch, current: ColumnSketch) -> DistanceResult:
    """Computes the absolute difference of the shares of rows without a value.

    The p-value is that of Fisher's exact test, two-sided by the difference of shares.

    Args:
      baseline: Sketch of the baseline column.
      current: Sketch of the current column.

    Returns:
      Distance in [0, 1]: 0 = equal missing rates, 1 = all values missing in one sample and none in the other. Without
      rows in a sample its rate is 0 and the p-value is 1.
    """
    n, m = baseline.rows, current.rows
    pooled = baseline.missing + current.missing
    p, q = (column.missing / max(column.rows, 1) for column in (baseline, current))
    far = abs(baseline.missing * max(m, 1) - current.missing * max(n, 1))

    def critical(level: float) -> float:
        return _critical(pooled, n, m, level)

    detail = f"missing in {percent(q)}, was {percent(p)}" if far else ""
    return DistanceResult(
        "missing", far / (max(n, 1) * max(m, 1)), None, p, q, _p_value(pooled, n, m, far), critical, detail
    )


def _p_value(pooled: int, n: int, m: int, distance: int) -> float:
    return float(two_sided_p_value(np.array([pooled]), n, m, distance)[0]) if n and m else 1.0


@lru_cache(1 << 12)
def _critical(pooled: int, n: int, m: int, level: float) -> float:
    """Cached, because most columns of a wide table have the same number of missing values: 0."""
    return critical_distance(np.array([pooled]), np.ones(1), n, m, level) / (n * m) if n and m else 1.0
