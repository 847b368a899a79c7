"""Converts TFDV statistics to the sketch of a data set, as far as they contain the distributions."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.drift_validator.sketches.common_resolution import REST
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, NumberCounts, TableSketch

QUANTILE_ERROR = 0.01
"""Rank error of TFDV's quantiles: the default of StatsOptions.epsilon."""


def from_statistics(statistics: statistics_pb2.DatasetFeatureStatistics) -> TableSketch:
    """Converts the unweighted statistics of one data set, without slices and duplicate rows.

    - Rows and missing values are exact. Where rows may have several values, the number of empty lists is estimated from
      the histogram of lengths, and a row with NaN only counts as filled.
    - Categories have the counts of TFDV's rank histogram; with more distinct values than TFDV keeps, these are
      estimates. Truncated values (beyond 1,000 by default) are counted as `common_resolution.REST`, see
      `common_resolution.comparable`. TFDV names bytes that are not UTF-8 `__BYTES_VALUE__` and long text
      `__LARGE_BYTES__`.
    - Numbers are represented by the edges of the quantiles histogram, each with half of the mass of the two adjacent
      buckets. The error of the distribution function is at most half of a bucket's share (0.05 with TFDV's ten buckets)
      plus TFDV's rank error. Only distances well above the sum of the `rank_error` of both samples are meaningful;
      compare rows for exact distances.
    - Structs and raw bytes have no distribution.

    Args:
      statistics: Statistics of one data set.
    """
    rows = int(statistics.num_examples)
    columns = {}
    for feature in statistics.features:
        name = ".".join(feature.path.step) if feature.HasField("path") else feature.name
        columns[name] = _column(name, feature, rows)
    return TableSketch(rows, columns)


def _column(name: str, feature: statistics_pb2.FeatureNameStatistics, rows: int) -> ColumnSketch:
    kind = feature.WhichOneof("stats")
    if kind is None:
        return ColumnSketch(name, rows, rows, None)
    common = getattr(feature, kind).common_stats
    absent = 0
    distribution: CategoryCounts | NumberCounts | None = None
    if kind == "num_stats":
        quantiles = _quantiles(feature.num_stats.histograms)
        # NaN values are counted in each histogram; without a histogram their number is unknown.
        absent = max((int(histogram.num_nan) for histogram in feature.num_stats.histograms), default=0)
        distribution = _numbers(quantiles, int(common.tot_num_values) - absent, QUANTILE_ERROR)
    elif kind == "string_stats":
        distribution = _categories(feature.string_stats, int(common.tot_num_values))
    present = int(common.num_non_missing)
    if common.max_num_values <= 1:
        return ColumnSketch(name, rows, rows - int(common.tot_num_values) + absent, distribution)
    empty = _empty_lists(common) if common.min_num_values == 0 else 0
    lengths = _numbers(_without_zeros(common.num_values_histogram), present - empty, QUANTILE_ERROR)
    return ColumnSketch(name, rows, rows - present + empty, distribution, lengths)


def _categories(stats: statistics_pb2.StringStatistics, values: int) -> CategoryCounts:
    counts = {bucket.label: round(bucket.sample_count) for bucket in stats.rank_histogram.buckets}
    rest = values - sum(counts.values())
    if rest > 0:
        counts[REST] = counts.get(REST, 0) + rest
    names = sorted((name for name, count in counts.items() if count > 0), key=str.encode)
    return CategoryCounts(pa.array(names, pa.large_string()), np.array([counts[name] for name in names], np.int64))


def _numbers(histogram: statistics_pb2.Histogram | None, values: int, own_error: float) -> NumberCounts:
    """Converts a quantiles histogram to points, see `from_statistics`."""
    filled = [] if histogram is None else [bucket for bucket in histogram.buckets if bucket.sample_count > 0]
    total = sum(bucket.sample_count for bucket in filled)
    if not filled or values <= 0:
        return NumberCounts(np.empty(0), np.empty(0, np.int64), 0.0)
    weights: dict[float, float] = {}
    widest = 0.0
    for bucket in filled:
        share = bucket.sample_count / total
        for edge in (bucket.low_value, bucket.high_value):
            weights[edge + 0.0] = weights.get(edge + 0.0, 0.0) + share / 2
        if bucket.low_value != bucket.high_value:
            widest = max(widest, share)
    points = np.array(sorted(weights))
    upto = np.rint(np.cumsum([weights[point] for point in points.tolist()]) * values).astype(np.int64)
    counts = np.diff(upto, prepend=0)
    error = 0.0 if len(points) == 1 else min(widest / 2 + own_error + 0.5 / values, 1.0)
    return NumberCounts(points[counts > 0], counts[counts > 0], error)


def _quantiles(histograms: Iterable[statistics_pb2.Histogram]) -> statistics_pb2.Histogram | None:
    return next((histogram for histogram in histograms if histogram.type == statistics_pb2.Histogram.QUANTILES), None)


def _empty_lists(common: statistics_pb2.CommonStatistics) -> int:
    """Estimates the rows with an empty list: buckets that end at 0, and half of the bucket that starts at 0."""
    buckets = common.num_values_histogram.buckets
    total = sum(bucket.sample_count for bucket in buckets)
    weight = sum(
        bucket.sample_count * (1.0 if bucket.high_value == 0 else 0.5) for bucket in buckets if bucket.low_value == 0
    )
    return round(weight / total * common.num_non_missing) if total else 0


def _without_zeros(histogram: statistics_pb2.Histogram) -> statistics_pb2.Histogram:
    """Histogram of lengths from 1: drops buckets that end at 0, and half of the bucket that starts at 0."""
    kept = statistics_pb2.Histogram(type=histogram.type)
    for bucket in histogram.buckets:
        if bucket.high_value > 0:
            half = bucket.low_value == 0
            kept.buckets.add(
                low_value=max(bucket.low_value, 1.0),
                high_value=max(bucket.high_value, 1.0),
                sample_count=bucket.sample_count / (2 if half else 1),
            )
    return kept
