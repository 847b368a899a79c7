"""Converts TFDV's statistics protos to `facts.Feature`. TFDV itself is not imported, since it imports TensorFlow."""

from collections.abc import Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.report.facts import CategoryBar, Feature, NumberBar, SplitFeature

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

MAX_VALUES = 40
"""Number of most frequent categories kept of each feature and split; TFDV keeps 1,000."""


def read_features(folder: Path) -> tuple[Feature, ...]:
    """Reads the features of a statistics artifact (`Split-<name>/FeatureStats.pb`), in the column order of the data."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    found: dict[str, dict[str, tuple[Any, int]]] = {}
    for path in sorted(folder.glob("Split-*/FeatureStats.pb"), reverse=True):  # train before eval
        statistics = statistics_pb2.DatasetFeatureStatisticsList()
        statistics.ParseFromString(path.read_bytes())
        split = path.parent.name.removeprefix("Split-")
        if split not in ("train", "eval"):
            continue  # rows of older spans are a selection, so their distribution is not comparable
        for dataset in statistics.datasets[:1]:
            for feature in dataset.features:
                name = ".".join(feature.path.step) or feature.name
                found.setdefault(name, {})[split] = (feature, int(dataset.num_examples))
    return tuple(_feature(name, splits) for name, splits in found.items())


def _feature(name: str, splits: Mapping[str, tuple[Any, int]]) -> Feature:
    if all(feature.HasField("num_stats") for feature, _ in splits.values()):
        return Feature(name, "number", {split: _number(side.num_stats, rows) for split, (side, rows) in splits.items()})
    # A category that is frequent in one split is kept in all splits; otherwise it would seem absent in the others.
    kept = {
        bucket.label
        for feature, _ in splits.values()
        for bucket in feature.string_stats.rank_histogram.buckets[:MAX_VALUES]
    }
    return Feature(
        name, "category", {split: _category(side.string_stats, rows, kept) for split, (side, rows) in splits.items()}
    )


def _number(numbers: "statistics_pb2.NumericStatistics", rows: int) -> SplitFeature:
    there = numbers.common_stats.num_non_missing
    histogram = next((found for found in numbers.histograms if found.type == found.STANDARD), None)
    buckets = histogram.buckets if histogram else []
    total = sum(bucket.sample_count for bucket in buckets) or 1.0
    statistics: dict[str, float | str] = {}
    if there:
        statistics = {
            "mean": numbers.mean,
            "standard deviation": numbers.std_dev,
            "min": numbers.min,
            "median": numbers.median,
            "max": numbers.max,
            "zeros": numbers.num_zeros / there,
        }
    bars = tuple(NumberBar(b.low_value, b.high_value, b.sample_count / total) for b in buckets)
    return SplitFeature(rows, _missing(there, rows), statistics, bars)


def _category(strings: "statistics_pb2.StringStatistics", rows: int, kept: Set[str]) -> SplitFeature:
    buckets = strings.rank_histogram.buckets
    # Shares refer to all values, including the tail that TFDV did not keep.
    total = strings.common_stats.tot_num_values or sum(bucket.sample_count for bucket in buckets) or 1.0
    bars = tuple(CategoryBar(bucket.label, bucket.sample_count / total) for bucket in buckets if bucket.label in kept)
    statistics: dict[str, float | str] = {"distinct": int(strings.unique)}
    if bars:
        statistics |= {"most frequent value": bars[0].value, "share of that value": bars[0].share}
    return SplitFeature(rows, _missing(strings.common_stats.num_non_missing, rows), statistics, bars)


def _missing(there: int, rows: int) -> float:
    return 1 - there / rows if rows else 0.0
