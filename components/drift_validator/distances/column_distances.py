"""All distances between two columns."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.drift_validator.distances.distance_result import DistanceResult
from components.drift_validator.distances.pair import Pair
from components.drift_validator.distances.registry import MEASURES
from components.drift_validator.sketches.categories import hash_categories
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, NumberCounts
from components.drift_validator.sketches.texts import encode


def measure_column(baseline: ColumnSketch, current: ColumnSketch, jensen_shannon: bool = False) -> list[DistanceResult]:
    """Computes the measures that apply to the two columns, in the order of the registry.

    Numbers and texts are compared as texts, texts and hash buckets as hash buckets. If all values of one column are
    missing, the main distance is the largest share of the other column (texts) or 1 (numbers), with p-value 1; the
    change is reported by `missing`. Columns of nested types have `missing` and `length` only. Hash buckets have no
    names, so `unseen` and `vanished` are not measured.

    Args:
      baseline: Sketch of the baseline column.
      current: Sketch of the current column.
      jensen_shannon: Whether to measure the Jensen-Shannon divergence.
    """
    one, other = _comparable(baseline, current)
    pair = Pair(
        baseline,
        current,
        numbers=(one, other) if isinstance(one, NumberCounts) and isinstance(other, NumberCounts) else None,
        categories=(one, other) if isinstance(one, CategoryCounts) and isinstance(other, CategoryCounts) else None,
        design_effect=max(_design_effect(baseline), _design_effect(current)),
        with_jensen_shannon=jensen_shannon,
    )
    found = [measure.compute(pair) for measure in MEASURES if measure.compute is not None]
    return [measured for measured in found if measured is not None]


def as_texts(numbers: NumberCounts) -> CategoryCounts:
    """Converts numbers to categories, named as by `texts.encode`."""
    codes, texts = encode(numbers.values)
    order = pc.sort_indices(texts)
    counts = np.zeros(len(texts), np.int64)
    np.add.at(counts, codes, numbers.counts)
    return CategoryCounts(texts.take(order), counts[order.to_numpy()])


def _comparable(
    baseline: ColumnSketch, current: ColumnSketch
) -> tuple[NumberCounts, NumberCounts] | tuple[CategoryCounts, CategoryCounts] | tuple[None, None]:
    """Brings both distributions to one type; None where this is not possible."""
    one, other = baseline.distribution, current.distribution
    # A column without values takes the type of the other one.
    if baseline.missing == baseline.rows and other is not None:
        one = _nothing_like(other)
    elif current.missing == current.rows and one is not None:
        other = _nothing_like(one)
    if one is None or other is None:
        return None, None
    if isinstance(one, NumberCounts) and isinstance(other, NumberCounts):
        return one, other
    return _as_categories(one, other)


def _as_categories(*sides: CategoryCounts | NumberCounts) -> tuple[CategoryCounts, CategoryCounts]:
    """Both distributions over texts, or over hash buckets if one of them is hashed."""
    one, other = (as_texts(side) if isinstance(side, NumberCounts) else side for side in sides)
    if one.hashed != other.hashed:
        return hash_categories(one), hash_categories(other)
    return one, other


def _nothing_like(other: CategoryCounts | NumberCounts) -> CategoryCounts | NumberCounts:
    if isinstance(other, NumberCounts):
        return NumberCounts(np.zeros(0), np.zeros(0, np.int64))
    return CategoryCounts(pa.array([], pa.large_string()), np.zeros(0, np.int64), other.hashed)


def _design_effect(column: ColumnSketch) -> float:
    """Kish's design effect: the mean length of the list that a value belongs to, sum L^2 / sum L.

    Rows are independent, the values of one list are not. In the worst case all values of a list are equal; the
    effective sample size is then the number of values divided by the design effect.
    """
    if column.lengths is None or not len(column.lengths.values):
        return 1.0
    lengths, counts = column.lengths.values, column.lengths.counts
    return max(1.0, float(lengths**2 @ counts) / max(float(lengths @ counts), 1.0))
