import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.drift_validator.anomalies import to_anomalies
from components.drift_validator.significance import DriftFinding

Info = anomalies_pb2.AnomalyInfo
SCHEMA = text_format.Parse('feature { name: "carrier" type: BYTES }', schema_pb2.Schema())
ROWS = [
    DriftFinding("carrier", "chebyshev", 0.25, 0.1, True, "'É' was 5.0%, is 30.0%", severity="severe"),
    DriftFinding("carrier", "unseen", 0.02, 0.001, True, "'X' not in the baseline, 2.0% of the values"),
    DriftFinding("late", "chebyshev", 0.5, 0.2, True, "'1' was 20.0%, is 70.0%", slice="origin=JFK", role="label"),
    DriftFinding("(columns)", "joint", 0.3, 0.02, True, "together", role="table"),
    DriftFinding("delay", "kolmogorov_smirnov", 0.015, 0.02, False, "at or below 1: was 50.0%, is 51.5%"),
    DriftFinding("delay", "jensen_shannon", 0.01, 0.3, False, ""),
    DriftFinding("delay", "missing", 0.0, 0.005, False, ""),
]


def test_drifted_features_are_anomalies_with_a_reason_for_each_measure():
    proto = to_anomalies(ROWS, SCHEMA)
    assert set(proto.anomaly_info) == {"carrier", "late", "(columns)"}
    carrier = proto.anomaly_info["carrier"]
    assert [reason.type for reason in carrier.reason] == [
        Info.COMPARATOR_L_INFTY_HIGH,
        Info.ENUM_TYPE_UNEXPECTED_STRING_VALUES,
    ]
    assert (carrier.short_description, carrier.severity) == ("Multiple errors", Info.ERROR)
    assert proto.anomaly_info["late"].severity == Info.WARNING  # negligible
    assert list(carrier.path.step) == ["carrier"]
    assert carrier.reason[0].short_description == "Drift: chebyshev"
    assert carrier.reason[0].description == "chebyshev distance 0.25 > 0.1: 'É' was 5.0%, is 30.0%"
    late = proto.anomaly_info["late"]
    assert late.short_description == "Drift: chebyshev in origin=JFK"
    assert late.description == "chebyshev distance 0.5 > 0.2 in origin=JFK: '1' was 20.0%, is 70.0%"
    assert proto.anomaly_info["(columns)"].reason[0].type == Info.UNKNOWN_TYPE


def test_measures_of_tfdv_are_in_drift_skew_info_drifted_or_not():
    infos = {info.path.step[0]: info.drift_measurements for info in to_anomalies(ROWS, SCHEMA).drift_skew_info}
    kinds = anomalies_pb2.DriftSkewInfo.Measurement
    assert {
        name: [(one.type, one.value, one.threshold) for one in measurements] for name, measurements in infos.items()
    } == {
        "carrier": [(kinds.L_INFTY, 0.25, 0.1)],
        "delay": [(kinds.L_INFTY, 0.015, 0.02), (kinds.JENSEN_SHANNON_DIVERGENCE, 0.01, 0.3)],
    }  # slices and other measures have no place there


def test_no_anomaly_without_drift():
    proto = to_anomalies(ROWS[4:], SCHEMA)
    assert not proto.anomaly_info
    assert len(proto.drift_skew_info) == 1
    assert to_anomalies([], SCHEMA) == anomalies_pb2.Anomalies(
        baseline=SCHEMA, anomaly_name_format=anomalies_pb2.Anomalies.SERIALIZED_PATH
    )


def test_proto_is_unchanged_after_serialisation():
    proto = to_anomalies(ROWS, SCHEMA)
    assert anomalies_pb2.Anomalies.FromString(proto.SerializeToString()) == proto
    assert text_format.Parse(text_format.MessageToString(proto), anomalies_pb2.Anomalies()) == proto


@pytest.mark.slow
def test_tfdv_displays_the_anomalies(tmp_path):
    import tensorflow_data_validation as tfdv
    from tensorflow_data_validation.utils import display_util

    file = tmp_path / "anomalies.pbtxt"
    tfdv.write_anomalies_text(to_anomalies(ROWS, SCHEMA), str(file))
    proto = tfdv.load_anomalies_text(str(file))
    shown = display_util.get_anomalies_dataframe(proto)
    assert sorted(shown.index) == ["'(columns)'", "'carrier'", "'late'"]
    assert shown["Anomaly short description"]["'late'"] == "Drift: chebyshev in origin=JFK"
    assert "'É' was 5.0%, is 30.0%" in shown["Anomaly long description"]["'carrier'"]
    measured = display_util.get_drift_skew_dataframe(proto)
    assert measured.reset_index().iloc[:, 0].tolist() == ["carrier", "delay", "delay"]
    assert measured["value"].tolist() == pytest.approx([0.25, 0.015, 0.01])
    assert measured["threshold"].tolist() == pytest.approx([0.1, 0.02, 0.3])
    tfdv.display_anomalies(proto)
