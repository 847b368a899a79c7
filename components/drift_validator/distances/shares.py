"""The share of missing values, as a category of its own."""

import numpy as np

from components.drift_validator.distances.hypergeometric import far_apart, last_likely
from components.drift_validator.distances.measured import Measured
from components.drift_validator.distances.wording import percent
from components.drift_validator.summaries.column import Column


def missing(baseline: Column, current: Column) -> Measured:
    """The distance |missing rows / rows - the same of current|; the shares are shares of rows.

    The p-value is the law of the hypergeometric count in both tails (Fisher's exact test, by distance).

    Returns:
      0 = the same share, 1 = all missing on one side and none on the other. A side without rows has share 0, and tells
      nothing: p-value 1.
    """
    n, m = baseline.rows, current.rows
    pooled = np.array([baseline.missing + current.missing])
    p, q = (column.missing / max(column.rows, 1) for column in (baseline, current))
    far = abs(baseline.missing * max(m, 1) - current.missing * max(n, 1))

    def law(distance: int) -> float:
        return float(far_apart(pooled, n, m, distance)[0]) if n and m else 1.0

    def critical(level: float) -> float:
        return last_likely(law, n, m, level) / (n * m) if n and m else 1.0

    detail = f"missing in {percent(q)}, was {percent(p)}" if far else ""
    return Measured("missing", far / (max(n, 1) * max(m, 1)), None, p, q, law(far), critical, detail)
