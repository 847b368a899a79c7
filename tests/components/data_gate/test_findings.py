import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_gate.findings import (
    DataFinding,
    anomaly_findings,
    blocking,
    class_findings,
    drift_findings,
    spelling_hints,
)

ANOMALIES = """
anomaly_info { key: "late" value {
  reason { type: ENUM_TYPE_UNEXPECTED_STRING_VALUES description: "Values missing from the schema: 2. " }
  reason { type: FEATURE_TYPE_LOW_FRACTION_PRESENT description: "In half of the rows" }
} }
anomaly_info { key: "carrier" value { reason { type: SCHEMA_NEW_COLUMN description: "New column" } } }
dataset_anomaly_info { reason { type: DATASET_LOW_NUM_EXAMPLES description: "Too few" } }
"""
DRIFT = {
    "feature": "dest", "measure": "chebyshev", "distance": 0.1234, "threshold": 0.02, "drifted": True, "detail": "",
}  # fmt: skip


def test_one_finding_for_each_reason_the_dataset_first():
    anomalies = text_format.Parse(ANOMALIES, anomalies_pb2.Anomalies())
    assert [(f.source, f.feature, f.kind, f.detail) for f in anomaly_findings("eval", anomalies)] == [
        ("anomalies", "(dataset)", "dataset_low_num_examples", "eval: Too few"),
        ("anomalies", "carrier", "schema_new_column", "eval: New column"),
        ("anomalies", "late", "enum_type_unexpected_string_values", "eval: Values missing from the schema: 2."),
        ("anomalies", "late", "feature_type_low_fraction_present", "eval: In half of the rows"),
    ]


def test_no_anomaly_no_finding():
    assert anomaly_findings("train", anomalies_pb2.Anomalies()) == []


def test_only_drifted_rows_are_findings():
    rows = [DRIFT, {**DRIFT, "feature": "x", "drifted": False}, {**DRIFT, "feature": "y", "detail": "'a' was 1.0%"}]
    assert drift_findings(rows) == [
        DataFinding("drift", "dest", "chebyshev", "chebyshev distance 0.123 > 0.02"),
        DataFinding("drift", "y", "chebyshev", "chebyshev distance 0.123 > 0.02 ('a' was 1.0%)"),
    ]


@pytest.mark.parametrize(
    ("anomalies", "drift", "expected"),
    [("block", "block", "ad"), ("block", "warn", "a"), ("warn", "block", "d"), ("warn", "warn", "")],
)
def test_the_policy_decides_what_blocks(anomalies, drift, expected):
    findings = [DataFinding("anomalies", "a", "k", "d"), DataFinding("drift", "d", "k", "d")]
    stopped_by = blocking(findings, {"anomalies": anomalies, "drift": drift})
    assert "".join(finding.feature for finding in stopped_by) == expected


@pytest.mark.parametrize(("least", "expected"), [("negligible", "abc"), ("moderate", "bc"), ("severe", "c")])
def test_drift_blocks_from_a_severity_on(least, expected):
    graded = zip("abc", ("negligible", "moderate", "severe"), strict=True)
    findings = drift_findings([{**DRIFT, "feature": name, "severity": severity} for name, severity in graded])
    assert "".join(one.feature for one in blocking(findings, {"drift": "block"}, {}, least)) == expected
    assert "".join(one.feature for one in blocking(findings, {"drift": "warn"}, {"c": "block"}, least)) == "c"
    former = drift_findings([DRIFT])  # a report without severities blocks as before
    assert blocking(former, {"drift": "block"}, {}, "severe") == former


def test_a_features_own_policy_goes_before_its_sources():
    findings = [
        DataFinding("anomalies", "a", "k", "d"),
        DataFinding("drift", "a", "k", "d"),
        DataFinding("drift", "b", "k", "d"),
    ]
    warn = {"anomalies": "warn", "drift": "warn"}
    assert blocking(findings, warn, {"a": "block"}) == findings[:2]
    block = {"anomalies": "block", "drift": "block"}
    assert blocking(findings, block, {"a": "warn"}) == findings[2:]


def test_a_slice_is_named():
    found = drift_findings([{**DRIFT, "slice": "origin=EWR", "detail": "missing in 0.0%, was 1.0%"}])
    assert str(found[0]) == "dest: in origin=EWR: chebyshev distance 0.123 > 0.02 (missing in 0.0%, was 1.0%)"


def test_nothing_found_blocks_nothing():
    assert blocking([], {"anomalies": "block", "drift": "block"}) == []


def test_a_finding_reads_on_one_line_whatever_the_data_hold():
    assert str(DataFinding("drift", "dest", "chebyshev", "'A\r\nB' was 1.0%")) == "dest: 'A B' was 1.0%"


def test_classes_of_one_split_are_findings_and_only_unseen_ones_block():
    labels = {"train": {"a": 9, "gone": 1}, "eval": {"a": 3, "new": 2}}
    unseen, vanished = class_findings("y", "multiclass", labels)
    assert (unseen.source, unseen.feature, unseen.kind) == ("classes", "y", "unseen_class")
    assert vanished.kind == "vanished_class"
    assert blocking([unseen, vanished], {"classes": "block"}) == [unseen]
    assert blocking([unseen, vanished], {"classes": "warn"}) == []
    assert class_findings("y", "regression", labels) == []
    assert class_findings("y", "multiclass", {"train": {}, "eval": {"a": 1}}) == []  # too many to count


def test_a_spelling_of_a_legal_value_is_hinted_at():
    found = DataFinding(
        "anomalies", "left", "k", "eval: Examples contain values missing from the schema: YES (<1%), x (2%). "
    )
    (hinted,) = spelling_hints([found], {"left": ["Yes", "No"]})
    assert hinted.detail.endswith("; 'YES' may be 'Yes': [data.values.left] maps it to that value")
    assert spelling_hints([found], {"other": ["Yes"]}) == [found]
