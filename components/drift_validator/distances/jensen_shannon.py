"""The Jensen-Shannon divergence as TensorFlow Data Validation defines it."""

import math

import numpy as np
from scipy.special import rel_entr

from components.drift_validator.distances.aligned_histograms import AlignedHistograms
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.sketches.sketch import NumberCounts

_BINS = 10


def jensen_shannon_categories(both: AlignedHistograms) -> DistanceResult | None:
    """Computes JSD(p, q) = (KL(p, a) + KL(q, a)) / 2 with a = (p + q) / 2, in bits, over the shares of each value.

    It equals TFDV's (anomalies/metrics.cc) up to 1,000 distinct values, the number that TFDV keeps.

    Args:
      both: The two distributions over texts.

    Returns:
      Divergence in [0, 1]: 0 = identical, 1 = disjoint. None with an empty sample, as in TFDV.
    """
    n, m = both.sizes
    if not n or not m:
        return None
    return DistanceResult("jensen_shannon", divergence(both.baseline / n, both.current / m))


def jensen_shannon_numbers(baseline: NumberCounts, current: NumberCounts) -> DistanceResult | None:
    """Computes the Jensen-Shannon divergence between two histograms, as TFDV does, so that its thresholds apply.

    Each sample has 10 bins of equal width between its smallest and largest finite value. Both histograms are rebinned
    on the union of the edges, with the mass of a bin spread evenly. A sample of one finite value is a point mass.

    Differences from TFDV: TFDV estimates the bins by interpolation between 1,000 approximate quantiles; here values are
    counted (a value on an edge counts below it). On samples of 50 to 5,000 values the results differ by at most 0.003.
    TFDV reports infinities and NaN as different even from themselves; here each infinity is a bin, and NaN is missing.

    Args:
      baseline: Baseline sample.
      current: Current sample.

    Returns:
      Divergence in [0, 1]: 0 = identical histograms, 1 = disjoint. None with an empty sample, as in TFDV.
    """
    n, m = int(baseline.counts.sum()), int(current.counts.sum())
    if not n or not m:
        return None
    sides = [_histogram(side) for side in (baseline, current)]
    edges = np.unique(np.concatenate([side_edges for side_edges, _ in sides]))
    binned = [
        np.diff(np.interp(edges, side_edges, np.concatenate([[0.0], np.cumsum(counts)])))
        if len(side_edges)
        else np.zeros(max(len(edges) - 1, 0))
        for side_edges, counts in sides
    ]
    points = _points(baseline, current)
    p, q = (np.concatenate([bins, apart]) for bins, apart in zip(binned, points, strict=True))
    return DistanceResult("jensen_shannon", divergence(p / n, q / m))


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Computes the JSD of two probability vectors in bits, in [0, 1]."""
    middle = (p + q) / 2
    total = float(np.sum(rel_entr(p, middle) + rel_entr(q, middle))) / math.log(2)
    return min(max(total / 2, 0.0), 1.0)


def _histogram(numbers: NumberCounts) -> tuple[np.ndarray, np.ndarray]:
    """Edges and counts of the bins; empty with fewer than two distinct finite values."""
    finite = np.isfinite(numbers.values)
    values, counts = numbers.values[finite], numbers.counts[finite]
    if len(values) < 2:
        return np.zeros(0), np.zeros(0)
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.linspace(values[0], values[-1], _BINS + 1)
    if not np.isfinite(edges).all():  # the range overflows float64
        edges = values[0] * np.linspace(1, 0, _BINS + 1) + values[-1] * np.linspace(0, 1, _BINS + 1)
    edges = np.unique(edges)
    upto = np.concatenate([[0], np.cumsum(counts)])[np.searchsorted(values, edges, side="right")]
    upto[0] = 0  # the smallest value belongs to the first bin
    return edges, np.diff(upto)


def _points(baseline: NumberCounts, current: NumberCounts) -> list[np.ndarray]:
    """Counts of point masses: infinities, and the finite value of a sample with a single one."""
    where = [np.inf, -np.inf]
    single = [side.values[np.isfinite(side.values)] for side in (baseline, current)]
    own: list[list[float]] = [[*where, *(values if len(values) == 1 else [])] for values in single]
    return [
        np.array(
            [side.counts[side.values == point].sum() if point in mine else 0 for point in sorted({*own[0], *own[1]})]
        )
        for side, mine in zip((baseline, current), own, strict=True)
    ]
