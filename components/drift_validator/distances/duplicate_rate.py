"""The rate of duplicate rows or ids."""

import math

from components.drift_validator.distances.distance_result import DistanceResult


def duplicate_rate(
    baseline: float, current: float, baseline_size: int, current_size: int, what: str
) -> list[DistanceResult]:
    """Measures the increase of the duplicate rate.

    A larger sample has a higher duplicate rate by chance. The rates are therefore compared only where current is not
    the larger sample, or where the baseline has no duplicates. The test is the one-sided test of two proportions with
    pooled variance; the variance is doubled because duplicates come in pairs.

    Args:
      baseline: Share of rows that are equal to an earlier row in the baseline sample, in [0, 1].
      current: The same share in the current sample.
      baseline_size: Number of rows or ids of the baseline sample.
      current_size: Number of rows or ids of the current sample.
      what: Description of a duplicate, for the detail.

    Returns:
      One distance max(0, current - baseline); an empty list where the rates are not comparable.
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
        DistanceResult(
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
