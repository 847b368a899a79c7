"""Findings about the data, and the policy that decides what they do."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.shared.class_counts import class_sets
from components.shared.spellings.spelling_groups import loose_key

Policy = Literal["block", "warn"]


@dataclass(frozen=True)
class Finding:
    """One thing wrong with the data.

    `source` is "anomalies" (against the schema), "drift" (against train) or "classes" (a class in one split only).
    """

    source: Literal["anomalies", "drift", "classes"]
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


UNSEEN, VANISHED = "unseen_class", "vanished_class"


def class_findings(label: str, task: str, labels: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """Classes that only one split has; none for a regression, or where there are too many values to count.

    Args:
      label: The label's column.
      task: binary, multiclass or regression.
      labels: Split -> label value -> rows.
    """
    if task == "regression" or not all(labels.get(split) for split in ("train", "eval")):
        return []
    found = class_sets(labels["train"], labels["eval"])
    texts = ((UNSEEN, found.unseen_text(task)), (VANISHED, found.vanished_text()))
    return [Finding("classes", label, kind, text) for kind, text in texts if text]


def spelling_hints(findings: Iterable[Finding], domains: Mapping[str, Sequence[str]]) -> list[Finding]:
    """The findings, those of values that are not in a domain with the legal value that they may be a spelling of.

    `domains` is feature -> its legal values.
    """
    return [
        replace(one, detail=f"{one.detail}{_hint(one, domains[one.feature])}") if one.feature in domains else one
        for one in findings
    ]


def domains_of(schema: Any) -> dict[str, list[str]]:
    """Feature -> legal values, of a schema's features that have a domain of texts."""
    shared = {one.name: list(one.value) for one in schema.string_domain}
    found = {one.name: shared.get(one.domain) or list(one.string_domain.value) for one in schema.feature}
    return {name: values for name, values in found.items() if values}


def _hint(finding: Finding, legal: Sequence[str]) -> str:
    known = {loose_key(value): value for value in legal}
    values = re.findall(r"(?:missing from the schema: |, )(.+?) \(", finding.detail)
    like = [(value, known[loose_key(value)]) for value in values if loose_key(value) in known and value not in legal]
    pairs = ", ".join(f"'{value}' may be '{meant}'" for value, meant in like[:3])
    return f"; {pairs}: [data.values.{finding.feature}] reads it as that" if pairs else ""


def blocking(
    findings: Iterable[Finding], policies: Mapping[str, Policy], feature_policies: Mapping[str, Policy] | None = None
) -> list[Finding]:
    """Those findings whose feature's policy is `block`, or whose source's where the feature has none of its own."""
    own = feature_policies or {}
    return [
        finding
        for finding in findings
        if finding.kind != VANISHED
        if own.get(finding.feature, policies[finding.source]) == "block"
    ]
