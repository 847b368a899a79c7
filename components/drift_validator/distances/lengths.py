"""Distances between list lengths and between text lengths."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from components.drift_validator.distances.aligned_histograms import align_numbers
from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.formatting import number
from components.drift_validator.distances.kolmogorov_smirnov import kolmogorov_smirnov
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, NumberCounts

_MANY = 100


def length(baseline: ColumnSketch, current: ColumnSketch) -> DistanceResult | None:
    """Compares the number of values in a row; None where no row of either column has several."""
    if baseline.lengths is None and current.lengths is None:
        return None
    both = align_numbers(_lengths(baseline), _lengths(current))
    return _worded(kolmogorov_smirnov(both, "length"), "values in a row")


def _lengths(column: ColumnSketch) -> NumberCounts:
    """Distribution of list lengths over rows with values; length 1 where no row has several values."""
    if column.lengths is not None:
        return column.lengths
    there = column.rows - column.missing
    return NumberCounts(np.ones(min(there, 1)), np.full(min(there, 1), there, np.int64))


def text_length(baseline: CategoryCounts, current: CategoryCounts, effect: float) -> DistanceResult | None:
    """Compares the length of texts in characters, to detect padding and truncation.

    Args:
      baseline: Baseline sample.
      current: Current sample.
      effect: Design effect, see AlignedHistograms.

    Returns:
      The distance; None for hash buckets and for columns of few values, where the values themselves are compared.
    """
    if baseline.hashed or max(len(baseline.values), len(current.values)) <= _MANY:
        return None
    both = align_numbers(_characters(baseline), _characters(current), effect)
    return _worded(kolmogorov_smirnov(both, "text_length"), "characters")


def _characters(texts: CategoryCounts) -> NumberCounts:
    lengths = pc.utf8_length(texts.values).to_numpy(zero_copy_only=False)
    counts = np.bincount(lengths, weights=texts.counts).astype(np.int64)
    there = np.flatnonzero(counts)
    return NumberCounts(there.astype(np.float64), counts[there])


def _worded(measured: DistanceResult, unit: str) -> DistanceResult:
    if not isinstance(measured.at, float):
        return measured
    value = number(measured.at)
    return replace(measured, detail=measured.detail.replace(f"at or below {value}:", f"{unit} at most {value}:", 1))
