"""All that can be measured between two columns."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.drift_validator.distances.distance_result import Measured
from components.drift_validator.distances.pair import Pair
from components.drift_validator.distances.registry import MEASURES
from components.drift_validator.sketches.categories import hash_categories
from components.drift_validator.sketches.sketch import Categories, Column, Numbers
from components.drift_validator.sketches.texts import encode


def measure_column(baseline: Column, current: Column, jensen_shannon: bool = False) -> list[Measured]:
    """Computes the measures that apply to the two columns, in the order of the registry.

    Numbers against texts compare as texts, and texts against hash buckets as hash buckets. A side whose values are all
    missing has share 0 for each value: the main distance is then the other side's largest share (texts) or 1 (numbers),
    with p-value 1, and `missing` says what happened. Columns that can be neither texts nor numbers have `missing` and
    `length` alone. Hash buckets have no names, so nothing is unseen or vanished.

    Args:
      baseline: What is compared with.
      current: What is looked at.
      jensen_shannon: Whether that is measured, too.
    """
    one, other = _comparable(baseline, current)
    pair = Pair(
        baseline,
        current,
        numbers=(one, other) if isinstance(one, Numbers) and isinstance(other, Numbers) else None,
        categories=(one, other) if isinstance(one, Categories) and isinstance(other, Categories) else None,
        design_effect=max(_design_effect(baseline), _design_effect(current)),
        with_jensen_shannon=jensen_shannon,
    )
    found = [measure.compute(pair) for measure in MEASURES if measure.compute is not None]
    return [measured for measured in found if measured is not None]


def as_texts(numbers: Numbers) -> Categories:
    """The same values by the names that they have as categories (`texts.encode`)."""
    codes, texts = encode(numbers.values)
    order = pc.sort_indices(texts)
    counts = np.zeros(len(texts), np.int64)
    np.add.at(counts, codes, numbers.counts)
    return Categories(texts.take(order), counts[order.to_numpy()])


def _comparable(
    baseline: Column, current: Column
) -> tuple[Numbers, Numbers] | tuple[Categories, Categories] | tuple[None, None]:
    """The two distributions as one kind; None where there is no such kind."""
    one, other = baseline.distribution, current.distribution
    # A side without any value is of the other's kind, whatever it was read as.
    if baseline.missing == baseline.rows and other is not None:
        one = _nothing_like(other)
    elif current.missing == current.rows and one is not None:
        other = _nothing_like(one)
    if one is None or other is None:
        return None, None
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        return one, other
    return _as_categories(one, other)


def _as_categories(*sides: Categories | Numbers) -> tuple[Categories, Categories]:
    """Both as texts; as hash buckets if one is."""
    one, other = (as_texts(side) if isinstance(side, Numbers) else side for side in sides)
    if one.hashed != other.hashed:
        return hash_categories(one), hash_categories(other)
    return one, other


def _nothing_like(other: Categories | Numbers) -> Categories | Numbers:
    if isinstance(other, Numbers):
        return Numbers(np.zeros(0), np.zeros(0, np.int64))
    return Categories(pa.array([], pa.large_string()), np.zeros(0, np.int64), other.hashed)


def _design_effect(column: Column) -> float:
    """Kish's: the mean length of the list that a value is in, sum L^2 / sum L.

    Rows are what chance deals out, not values: a list's values may all be the same. That is the worst case, in which as
    many rows as values / effect tell the same.
    """
    if column.lengths is None or not len(column.lengths.values):
        return 1.0
    lengths, counts = column.lengths.values, column.lengths.counts
    return max(1.0, float(lengths**2 @ counts) / max(float(lengths @ counts), 1.0))
