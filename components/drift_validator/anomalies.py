"""Drift as TFDV's Anomalies proto, for the tools of TFX and TFDV."""

from collections.abc import Sequence

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.drift_validator.significance import DriftFinding
from components.drift_validator.thresholds import MAIN

_Measurement = anomalies_pb2.DriftSkewInfo.Measurement
_TYPES = {
    **dict.fromkeys(MAIN, _Measurement.L_INFTY),
    "jensen_shannon": _Measurement.JENSEN_SHANNON_DIVERGENCE,
}
_ANOMALIES = {
    **dict.fromkeys(MAIN, anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH),
    "jensen_shannon": anomalies_pb2.AnomalyInfo.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
    "unseen": anomalies_pb2.AnomalyInfo.ENUM_TYPE_UNEXPECTED_STRING_VALUES,
}


def to_anomalies(rows: Sequence[DriftFinding], schema: schema_pb2.Schema) -> anomalies_pb2.Anomalies:
    """Converts drift rows to an Anomalies proto.

    Drifted rows become anomalies: ERROR, or WARNING where the drift of the feature is negligible. Measures without a
    type in TFDV have UNKNOWN_TYPE; the description names the measure.
    Distances that TFDV has, too, are also in `drift_skew_info`, drifted or not.

    Args:
      rows: Drift rows of a comparison.
      schema: Schema of the data, the `baseline` of the proto.
    """
    proto = anomalies_pb2.Anomalies(baseline=schema, anomaly_name_format=anomalies_pb2.Anomalies.SERIALIZED_PATH)
    infos: dict[str, anomalies_pb2.DriftSkewInfo] = {}
    for row in rows:
        if row.measure in _TYPES and not row.slice:
            info = infos.get(row.feature)
            if info is None:
                info = infos[row.feature] = proto.drift_skew_info.add()
                info.path.step.append(row.feature)
            info.drift_measurements.add(type=_TYPES[row.measure], value=row.distance, threshold=row.threshold)
        if row.drifted:
            anomaly = proto.anomaly_info[row.feature]
            if not anomaly.path.step:
                anomaly.path.step.append(row.feature)
                anomaly.severity = anomalies_pb2.AnomalyInfo.WARNING
            if row.severity != "negligible":
                anomaly.severity = anomalies_pb2.AnomalyInfo.ERROR
            where = f" in {row.slice}" if row.slice else ""
            anomaly.reason.add(
                type=_ANOMALIES.get(row.measure, anomalies_pb2.AnomalyInfo.UNKNOWN_TYPE),
                short_description=f"Drift: {row.measure.replace('_', ' ')}{where}",
                description=f"{row.measure} distance {row.distance:.4g} > {row.threshold:.4g}{where}: {row.detail}",
            )
            anomaly.short_description = (
                anomaly.reason[0].short_description if len(anomaly.reason) == 1 else "Multiple errors"
            )
            anomaly.description = " ".join(reason.description for reason in anomaly.reason)
    return proto
