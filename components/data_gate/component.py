"""The TFX component DataGate; see findings.py for the findings and the policy."""

import json
from dataclasses import asdict
from pathlib import Path

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.artifact_utils import decode_split_names
from tfx.types.standard_artifacts import ExampleAnomalies, Examples

from components.data_gate.findings import (
    anomaly_findings,
    blocking,
    class_findings,
    domains_of,
    drift_findings,
    spelling_hints,
)
from components.shared.artifacts.artifact_types import DriftReport, GateDecision
from components.shared.errors import GateBlocked
from components.shared.files import write_json


@component
def DataGate(
    anomalies: InputArtifact[ExampleAnomalies],
    drift: InputArtifact[DriftReport],
    examples: InputArtifact[Examples],
    decision: OutputArtifact[GateDecision],
    anomalies_policy: Parameter[str],
    drift_policy: Parameter[str],
    drift_severity: Parameter[str],
    feature_policies: Parameter[str],
    classes_policy: Parameter[str],
    label: Parameter[str],
    task: Parameter[str],
    code: Parameter[str],
):
    """Writes `decision.json` with all findings unless one of them has the policy `block`.

    Args:
      anomalies: ExampleValidator's result, one Anomalies proto a split.
      drift: DriftValidator's report.
      examples: Examples; their property `labels` holds the label counts of each split as JSON.
      decision: Receives `decision.json`.
      anomalies_policy: "block" or "warn", for schema anomalies.
      drift_policy: "block" or "warn", for drift.
      drift_severity: "negligible", "moderate" or "severe": lowest severity of drift that blocks.
      feature_policies: JSON of feature -> policy; it overrides the policy of the finding's source.
      classes_policy: "block" or "warn", for classes that occur in one split only.
      label: The label column.
      task: "binary", "multiclass" or "regression".
      code: Fingerprint of this component's code, part of the cache key.

    Raises:
      GateBlocked: At least one finding has the policy `block`.
    """
    findings = []
    domains: dict[str, list[str]] = {}
    for split in decode_split_names(anomalies.split_names):
        proto = anomalies_pb2.Anomalies()
        proto.ParseFromString((Path(anomalies.uri) / f"Split-{split}" / "SchemaDiff.pb").read_bytes())
        domains |= domains_of(proto.baseline)
        findings += anomaly_findings(split, proto)
    findings = spelling_hints(findings, domains)
    findings += drift_findings(json.loads((Path(drift.uri) / "drift.json").read_text(encoding="utf-8")))
    findings += class_findings(label, task, json.loads(examples.get_string_custom_property("labels") or "{}"))
    own = json.loads(feature_policies)
    stopped_by = blocking(
        findings, {"anomalies": anomalies_policy, "drift": drift_policy, "classes": classes_policy}, own, drift_severity
    )
    if stopped_by:
        first = stopped_by[0]
        more = f", and {len(stopped_by) - 1} more" if len(stopped_by) > 1 else ""
        setting = f"features.{first.feature}" if first.feature in own else first.source
        remedy = "correct the data, or update the schema if the data are right"
        if first.source == "drift":
            remedy = "look at the report, and raise the threshold if this change is expected"
        if first.source == "classes":
            remedy = "train on spans that contain these classes, or set [dataset] other_class"
        raise GateBlocked(f'the data gate stopped the run: {first}{more}; {remedy}, or set [gate] {setting} = "warn"')
    write_json(Path(decision.uri) / "decision.json", {"findings": [asdict(finding) for finding in findings]})
