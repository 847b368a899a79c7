"""Findings about the data, and the policy by which they warn or stop the run."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.shared.class_counts import class_sets
from components.shared.spellings.spelling_groups import loose_key
from components.shared.statistics.severities import SEVERITIES, Severity

Policy = Literal["block", "warn"]


@dataclass(frozen=True)
class DataFinding:
    """One problem of the data.

    Attributes:
      source: The check that reported it: "anomalies" (against the schema), "drift" (eval against train) or "classes" (a
        class occurs in one split only).
      feature: Column, or "(dataset)".
      kind: Type of the anomaly, drift measure, or `unseen_class` / `vanished_class`.
      detail: Description for the user.
      severity: Severity of drift; "severe" for other findings.
    """

    source: Literal["anomalies", "drift", "classes"]
    feature: str
    kind: str
    detail: str
    severity: Severity = "severe"

    def __str__(self) -> str:
        return " ".join(f"{self.feature}: {self.detail}".split())  # one line: cell values may contain line breaks


def anomaly_findings(split: str, anomalies: anomalies_pb2.Anomalies) -> list[DataFinding]:
    """Converts the anomalies of one split to findings, one for each reason.

    Args:
      split: Name of the split, the start of each detail.
      anomalies: ExampleValidator's result for the split.
    """
    found = []
    if anomalies.HasField("dataset_anomaly_info"):
        for reason in anomalies.dataset_anomaly_info.reason:
            found.append(_finding(split, "(dataset)", reason))
    for feature in sorted(anomalies.anomaly_info):
        found.extend(_finding(split, feature, reason) for reason in anomalies.anomaly_info[feature].reason)
    return found


def _finding(split: str, feature: str, reason: anomalies_pb2.AnomalyInfo.Reason) -> DataFinding:
    kind = anomalies_pb2.AnomalyInfo.Type.Name(reason.type).lower()
    return DataFinding("anomalies", feature, kind, f"{split}: {reason.description.strip()}")


def drift_findings(rows: Iterable[Mapping[str, Any]]) -> list[DataFinding]:
    """Converts the rows of a drift report (`drift.json`) with `drifted` to findings."""
    return [
        DataFinding(
            "drift",
            row["feature"],
            row["measure"],
            (f"in {row['slice']}: " if row.get("slice") else "")
            + f"{row['measure']} distance {row['distance']:.3g} > {row['threshold']:.3g}"
            + (f" ({row['detail']})" if row["detail"] else ""),
            row.get("severity", "severe"),  # a cached report of a former version has none
        )
        for row in rows
        if row["drifted"]
    ]


UNSEEN, VANISHED = "unseen_class", "vanished_class"


def class_findings(label: str, task: str, labels: Mapping[str, Mapping[str, int]]) -> list[DataFinding]:
    """Reports classes that occur in one split only.

    Args:
      label: The label column.
      task: "binary", "multiclass" or "regression".
      labels: Split -> label value -> number of rows; empty where there are too many distinct values to count.

    Returns:
      At most one finding for classes of eval that train lacks and one for the reverse; none for a regression.
    """
    if task == "regression" or not all(labels.get(split) for split in ("train", "eval")):
        return []
    found = class_sets(labels["train"], labels["eval"])
    texts = ((UNSEEN, found.unseen_text(task)), (VANISHED, found.vanished_text()))
    return [DataFinding("classes", label, kind, text) for kind, text in texts if text]


def spelling_hints(findings: Iterable[DataFinding], domains: Mapping[str, Sequence[str]]) -> list[DataFinding]:
    """Adds to findings of out-of-domain values the legal value of which they may be a spelling variant.

    Args:
      findings: Findings; those of features without a domain are returned unchanged.
      domains: Feature -> legal values.
    """
    return [
        replace(one, detail=f"{one.detail}{_hint(one, domains[one.feature])}") if one.feature in domains else one
        for one in findings
    ]


def domains_of(schema: Any) -> dict[str, list[str]]:
    """Returns feature -> legal values of the schema's features with a string domain."""
    shared = {one.name: list(one.value) for one in schema.string_domain}
    found = {one.name: shared.get(one.domain) or list(one.string_domain.value) for one in schema.feature}
    return {name: values for name, values in found.items() if values}


def _hint(finding: DataFinding, legal: Sequence[str]) -> str:
    known = {loose_key(value): value for value in legal}
    values = re.findall(r"(?:missing from the schema: |, )(.+?) \(", finding.detail)
    like = [(value, known[loose_key(value)]) for value in values if loose_key(value) in known and value not in legal]
    pairs = ", ".join(f"'{value}' may be '{meant}'" for value, meant in like[:3])
    return f"; {pairs}: [data.values.{finding.feature}] maps it to that value" if pairs else ""


def blocking(
    findings: Iterable[DataFinding],
    policies: Mapping[str, Policy],
    feature_policies: Mapping[str, Policy] | None = None,
    drift_severity: Severity = "negligible",
) -> list[DataFinding]:
    """Returns the findings that stop the run.

    A class that occurs in train only (`vanished_class`) never does, nor does drift below `drift_severity`.

    Args:
      findings: All findings.
      policies: Source -> policy.
      feature_policies: Feature -> policy; it overrides the policy of the source.
      drift_severity: Lowest severity of drift that can stop the run.
    """
    own = feature_policies or {}
    least = SEVERITIES.index(drift_severity)
    return [
        finding
        for finding in findings
        if finding.kind != VANISHED
        if finding.source != "drift" or SEVERITIES.index(finding.severity) >= least
        if own.get(finding.feature, policies[finding.source]) == "block"
    ]
