"""Drift of eval against train, from TFX statistics and the schema's drift comparators."""

from dataclasses import dataclass

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.drift_validator.chebyshev import chebyshev

_MEASURES = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "chebyshev",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "jensen_shannon",
    anomalies_pb2.DriftSkewInfo.Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalized_absolute_difference",
}


@dataclass(frozen=True)
class Drift:
    """One feature's distance. `distance` is in [0, 1] for chebyshev and jensen_shannon (base-2 logarithm)."""

    feature: str
    measure: str
    distance: float
    threshold: float
    drifted: bool
    detail: str


def find_drift(
    train: statistics_pb2.DatasetFeatureStatisticsList,
    evaluation: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
) -> tuple[list[Drift], anomalies_pb2.Anomalies]:
    """Compares two statistics by the comparators in the schema.

    TFX's ExampleValidator never passes the previous statistics on, so that it ignores these comparators; this does.

    Returns:
      One row for each feature with a drift comparator and with values in `evaluation`, furthest over its threshold
      first; and TFDV's anomalies, the drift ones only (the schema's are ExampleValidator's).
    """
    anomalies = tfdv.validate_statistics(evaluation, schema, previous_statistics=train)
    baseline, current = _value_counts(train), _value_counts(evaluation)
    rows = []
    for info in anomalies.drift_skew_info:
        feature = info.path.step[-1]
        for measurement in info.drift_measurements:
            measure = _MEASURES.get(measurement.type, str(measurement.type))
            detail = ""
            if measure == "chebyshev":
                found = chebyshev(baseline.get(feature, {}), current.get(feature, {}))
                if found.value is not None:
                    detail = f"'{found.value}' was {found.baseline_share:.1%}, is {found.current_share:.1%}"
            distance, threshold = measurement.value, measurement.threshold
            rows.append(Drift(feature, measure, distance, threshold, distance > threshold, detail))
    rows.sort(key=lambda row: (-(row.distance - row.threshold), row.feature))
    drifting = {
        anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH,
        anomalies_pb2.AnomalyInfo.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
        anomalies_pb2.AnomalyInfo.COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH,
    }
    anomalies.ClearField("dataset_anomaly_info")
    for name in list(anomalies.anomaly_info):
        kept = [reason for reason in anomalies.anomaly_info[name].reason if reason.type in drifting]
        if kept:
            del anomalies.anomaly_info[name].reason[:]
            anomalies.anomaly_info[name].reason.extend(kept)
        else:
            del anomalies.anomaly_info[name]
    return rows, anomalies


def _value_counts(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, dict[str, float]]:
    """Feature -> value -> count, as far as the statistics keep them (the 1,000 most frequent values)."""
    return {
        feature.path.step[-1]: {
            bucket.label: bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets
        }
        for feature in statistics.datasets[0].features
        if feature.HasField("string_stats")
    }
