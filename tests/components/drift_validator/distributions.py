"""Distributions and columns from literals."""

import numpy as np
import pyarrow as pa

from components.drift_validator.distances.aligned_histograms import AlignedHistograms, align_categories, align_numbers
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, NumberCounts


def categories(counts: dict[str, int], hashed: bool = False) -> CategoryCounts:
    values = sorted((value for value, count in counts.items() if count), key=str.encode)
    return CategoryCounts(
        pa.array(values, pa.large_string()), np.array([counts[value] for value in values], np.int64), hashed
    )


def numbers(values) -> NumberCounts:
    distinct, counts = np.unique(np.asarray(values, float), return_counts=True)
    return NumberCounts(distinct, counts.astype(np.int64))


def texts(codes) -> CategoryCounts:
    distinct, counts = np.unique(codes, return_counts=True)
    return categories({f"v{code:07d}": int(count) for code, count in zip(distinct, counts, strict=True)})


def aligned(baseline: dict[str, int], current: dict[str, int], **options) -> AlignedHistograms:
    return align_categories(categories(baseline), categories(current), **options)


def aligned_numbers(baseline, current, **options) -> AlignedHistograms:
    return align_numbers(numbers(baseline), numbers(current), **options)


def column(distribution, missing: int = 0, lengths=None) -> ColumnSketch:
    there = 0 if distribution is None else int(distribution.counts.sum())
    if lengths is not None:
        there = int(lengths.counts.sum())
    return ColumnSketch("x", there + missing, missing, distribution, lengths)
