"""All that can be measured between two columns."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.drift_validator.distances.align import align_categories, align_numbers
from components.drift_validator.distances.chebyshev import chebyshev
from components.drift_validator.distances.decimals import decimals
from components.drift_validator.distances.jensen_shannon import jensen_shannon_categories, jensen_shannon_numbers
from components.drift_validator.distances.kolmogorov_smirnov import kolmogorov_smirnov
from components.drift_validator.distances.measured import Measured
from components.drift_validator.distances.novelty import out_of_range, range_lost, unseen, vanished
from components.drift_validator.distances.shares import missing
from components.drift_validator.distances.total_variation import total_variation
from components.drift_validator.distances.wording import number
from components.drift_validator.summaries.categories import hash_categories
from components.drift_validator.summaries.column import Categories, Column, Numbers
from components.drift_validator.summaries.texts import encode

_MANY = 100


def measure_column(baseline: Column, current: Column, jensen_shannon: bool = False) -> list[Measured]:
    """Measures what applies to the two, always in this order.

    Texts: chebyshev, (total_variation), (jensen_shannon), missing, unseen, vanished, length, text_length.
    Numbers: kolmogorov_smirnov, (jensen_shannon), missing, out_of_range, range_lost, decimals, length.

    Numbers against texts compare as texts, and texts against hash buckets as hash buckets. A side whose values are all
    missing has share 0 for each value: the main distance is then the other side's largest share (texts) or 1 (numbers),
    with p-value 1, and `missing` says what happened. Columns that can be neither texts nor numbers have `missing` and
    `length` alone. Hash buckets have no names, so nothing is unseen or vanished.

    Args:
      baseline: What is compared with.
      current: What is looked at.
      jensen_shannon: Whether that is measured, too.
    """
    effect = max(_design_effect(baseline), _design_effect(current))
    one, other = _comparable(baseline, current)
    found: list[Measured | None] = []
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        found += [kolmogorov_smirnov(align_numbers(one, other, effect))]
        found += [jensen_shannon_numbers(one, other)] if jensen_shannon else []
        found += [missing(baseline, current)]
        found += [out_of_range(one, other, effect), range_lost(one, other, effect), decimals(one, other, effect)]
        found += [_length(baseline, current)]
    elif isinstance(one, Categories) and isinstance(other, Categories):
        both = align_categories(one, other, effect)
        # Of two values total variation is the Chebyshev distance again.
        found += [chebyshev(both)] + ([total_variation(both)] if len(both.values) > 2 else [])
        found += [jensen_shannon_categories(both)] if jensen_shannon else []
        found += [missing(baseline, current)]
        found += [unseen(both), vanished(both)] if both.named else []
        found += [_length(baseline, current), _text_length(one, other, effect)]
    else:
        found += [missing(baseline, current), _length(baseline, current)]
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


def _length(baseline: Column, current: Column) -> Measured | None:
    """The number of values in a row, where it may be more than one."""
    if baseline.lengths is None and current.lengths is None:
        return None
    both = align_numbers(_lengths(baseline), _lengths(current))
    return _worded(kolmogorov_smirnov(both, "length"), "values in a row")


def _lengths(column: Column) -> Numbers:
    """Of the rows that have any value; 1 each where they were not counted."""
    if column.lengths is not None:
        return column.lengths
    there = column.rows - column.missing
    return Numbers(np.ones(min(there, 1)), np.full(min(there, 1), there, np.int64))


def _text_length(baseline: Categories, current: Categories, effect: float) -> Measured | None:
    """The length of texts in characters, where there are too many for single ones to tell: padding, cutting off."""
    if baseline.hashed or max(len(baseline.values), len(current.values)) <= _MANY:
        return None
    both = align_numbers(_characters(baseline), _characters(current), effect)
    return _worded(kolmogorov_smirnov(both, "text_length"), "characters")


def _characters(texts: Categories) -> Numbers:
    lengths = pc.utf8_length(texts.values).to_numpy(zero_copy_only=False)
    counts = np.bincount(lengths, weights=texts.counts).astype(np.int64)
    there = np.flatnonzero(counts)
    return Numbers(there.astype(np.float64), counts[there])


def _worded(measured: Measured, unit: str) -> Measured:
    if not isinstance(measured.at, float):
        return measured
    value = number(measured.at)
    return replace(measured, detail=measured.detail.replace(f"at or below {value}:", f"{unit} at most {value}:", 1))
