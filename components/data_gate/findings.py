"""Findings about the data, and the policy that decides what they do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tensorflow_metadata.proto.v0 import anomalies_pb2

Policy = Literal["block", "warn"]


@dataclass(frozen=True)
class Finding:
    """One thing wrong with the data. `source` is "anomalies" (against the schema) or "drift" (against train)."""

    source: Literal["anomalies", "drift"]
    feature: str
    kind: str
    detail: str

    def __str__(self) -> str:
        return " ".join(f"{self.feature}: {self.detail}".split())  # one line, whatever the data hold


def anomaly_findings(split: str, anomalies: anomalies_pb2.Anomalies) -> list[Finding]:
    """A schema check's anomalies, one finding for each reason."""
    found = []
    if anomalies.HasField("dataset_anomaly_info"):
        for reason in anomalies.dataset_anomaly_info.reason:
            found.append(_finding(split, "(dataset)", reason))
    for feature in sorted(anomalies.anomaly_info):
        found.extend(_finding(split, feature, reason) for reason in anomalies.anomaly_info[feature].reason)
    return found


def _finding(split: str, feature: str, reason: anomalies_pb2.AnomalyInfo.Reason) -> Finding:
    kind = anomalies_pb2.AnomalyInfo.Type.Name(reason.type).lower()
    return Finding("anomalies", feature, kind, f"{split}: {reason.description.strip()}")


def drift_findings(rows: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """The drifted rows of a drift report."""
    return [
        Finding(
            "drift",
            row["feature"],
            row["measure"],
            (f"in {row['slice']}: " if row.get("slice") else "")
            + f"{row['measure']} distance {row['distance']:.3g} > {row['threshold']:.3g}"
            + (f" ({row['detail']})" if row["detail"] else ""),
        )
        for row in rows
        if row["drifted"]
    ]


def blocking(
    findings: Iterable[Finding], policies: Mapping[str, Policy], feature_policies: Mapping[str, Policy] | None = None
) -> list[Finding]:
    """Those findings whose feature's policy is `block`, or whose source's where the feature has none of its own."""
    own = feature_policies or {}
    return [finding for finding in findings if own.get(finding.feature, policies[finding.source]) == "block"]
