"""The number of decimal places of numbers. A loss of precision changes the other distances very little."""

import numpy as np
import pyarrow as pa

from components.drift_validator.distances.aligned_histograms import align_categories
from components.drift_validator.distances.chebyshev import chebyshev
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.formatting import percent
from components.drift_validator.sketches.sketch import CategoryCounts, NumberCounts

_COARSE = 0.01
"""Maximum rank error; beyond it the points of a sketch are interpolated quantiles, not values of the data."""
_MAX_DECIMALS = 6
"""Number of decimal places that are counted exactly."""
_SAMPLED = 20_000
"""Maximum number of values whose decimal places are counted."""


def decimals(baseline: NumberCounts, current: NumberCounts, design_effect: float = 1.0) -> DistanceResult | None:
    """Computes the Chebyshev distance between the distributions of the number of decimals (0 to 6, or more).

    Of more than 20,000 values, 20,000 at evenly spaced ranks are used; the sample size is then 20,000.

    Args:
      baseline: Baseline sample.
      current: Current sample.
      design_effect: See AlignedHistograms.

    Returns:
      Distance in [0, 1]: 0 = same distribution, 1 = all values changed from one number of decimals to another. None if
      a sample has no finite value, if both have integers only, or if a sketch holds quantiles instead of values.
    """
    if max(baseline.rank_error, current.rank_error) > _COARSE:
        return None
    before, now = _distribution(baseline), _distribution(current)
    if before is None or now is None:
        return None
    if before.values.to_pylist() == now.values.to_pylist() == ["0"]:
        return None
    measured = chebyshev(align_categories(before, now, design_effect), "decimals")
    if not measured.detail:
        return measured
    p, q = measured.baseline_share or 0.0, measured.current_share or 0.0
    what = {"0": "no decimals", "1": "1 decimal", "more": "more than 6 decimals"}.get(
        str(measured.at), f"{measured.at} decimals"
    )
    detail = f"values with {what} were {percent(p)}, are {percent(q)}"
    return DistanceResult("decimals", measured.distance, measured.at, p, q, measured.p_value, measured.critical, detail)


def number_of_decimals(values: np.ndarray) -> np.ndarray:
    """Computes the smallest d with round(x, d) = x within the precision of x.

    The precision is that of float32 if the number is exactly representable in float32 (0.1 stored as float32 is read as
    0.10000000149 and has 1 decimal), otherwise that of float64.

    Args:
      values: Finite numbers [N].

    Returns:
      Number of decimals [N], in 0..7; 7 stands for more than 6.
    """
    result = np.full(len(values), _MAX_DECIMALS + 1)
    left = np.arange(len(values))
    with np.errstate(over="ignore"):
        is_single = values.astype(np.float32).astype(np.float64) == values
    tolerance = np.abs(values) * np.where(is_single, 2.0**-23, 2.0**-51)
    for digits in range(_MAX_DECIMALS + 1):
        with np.errstate(over="ignore"):
            scaled = values[left] * 10.0**digits
            found = np.abs(scaled - np.rint(scaled)) <= tolerance[left] * 10.0**digits
        found |= ~np.isfinite(scaled)  # too large for decimals
        result[left[found]] = digits
        left = left[~found]
    return result


def _distribution(numbers: NumberCounts) -> CategoryCounts | None:
    finite = np.isfinite(numbers.values)
    values, counts = numbers.values[finite], numbers.counts[finite]
    if not len(values):
        return None
    if len(values) > _SAMPLED:
        ranks = (np.arange(_SAMPLED) + 0.5) * (counts.sum() / _SAMPLED)
        values, counts = values[np.searchsorted(np.cumsum(counts), ranks)], np.ones(_SAMPLED, np.int64)
    by_number = np.bincount(number_of_decimals(values), weights=counts, minlength=_MAX_DECIMALS + 2).astype(np.int64)
    there = np.flatnonzero(by_number)
    names = [str(number) if number <= _MAX_DECIMALS else "more" for number in there]
    return CategoryCounts(pa.array(names, pa.large_string()), by_number[there])
