"""Rows, or ids, that are there again."""

import math

from components.drift_validator.distances.distance_result import Measured


def repeated(baseline: float, current: float, baseline_size: int, current_size: int, what: str) -> list[Measured]:
    """A larger share of repeats than in the baseline; fewer are no fault.

    Two samples of different size have different shares of repeats: a row meets its like more often in the larger one.
    So this is measured only where current is the smaller sample, or the baseline has no repeats at all. The test is
    that of two proportions with a pooled variance, one-sided, doubled because repeats come in pairs.

    Args:
      baseline: Share that equals an earlier one, in [0, 1].
      current: The same.
      baseline_size: Number of rows, or ids.
      current_size: The same.
      what: What a repeat is, for the detail.

    Returns:
      One distance max(0, current - baseline); none where it cannot be measured.
    """
    if not baseline_size or not current_size or (baseline > 0 and current_size > 1.05 * baseline_size):
        return []
    from scipy.stats import norm

    pooled = (baseline * baseline_size + current * current_size) / (baseline_size + current_size)
    variance = 2 * pooled * (1 - pooled) * (1 / baseline_size + 1 / current_size)
    deviation = math.sqrt(variance) or 1 / current_size
    distance = max(0.0, current - baseline)
    p_value = float(norm.sf(distance / deviation)) if distance else 1.0
    detail = f"{what}: was {baseline:.2%}, is {current:.2%}"
    return [
        Measured(
            "repeated",
            distance,
            None,
            baseline,
            current,
            p_value,
            lambda level: min(1.0, float(norm.isf(level)) * deviation),
            detail,
        )
    ]
