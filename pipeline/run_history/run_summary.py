"""Summary of a run: the JSON of `plumbline run --json`; summary_text.py has its text."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.drift_validator.thresholds import REPRESENTATIVE
from components.shared.files import read_json
from pipeline.metadata.stored_artifact import StoredArtifact

MAX_ISSUES = 20
"""Maximum number of label issues in a summary; labels.json has up to `[audit] max_issues`."""


@dataclass(frozen=True)
class ComponentRun:
    """One component of a run. `state` is executed, cached, failed or skipped."""

    id: str
    state: str
    seconds: float


@dataclass(frozen=True)
class Summary:
    """Summary of a run. The fields up to `report` are a stable interface.

    Attributes (those that need an explanation):
      model: Model selection: `members` [{name, weight, seconds, reason}] and `seconds`; empty for custom trainers
        without a report.
      stopped: Why the run ended early, or None.
      settings: pipeline.toml as read, with the hyperparameters that were used for training.
      tuned: Result of a hyperparameter search, see components/tuner/tuning.py; `run_id` names the earlier run that
        found it. Empty without a search.
      integrity: Messages about metadata that did not match the artifacts, and about damaged artifacts.
      strongest_column: The best single-column model on the eval rows: {column, metric, value, candidate, p_value,
        lost}, or null.
      values: Encoding of each column's values: [{column, kind, distinct, learned, unknown, explained, affected,
        finding}], see distinct_values.py.
      texts: Encoding of each text column: [{column, words, characters, dimensions, folds, scores: [{of, up, down}]}],
        with the word n-grams that raise and lower each score most.
      violations, notices: The evaluator's findings, see docs/verdict.md; their texts are `violation_texts`, `warnings`.
    """

    run_id: str
    dataset: str
    spans: dict[str, list[int]]
    rows: dict[str, int]
    components: list[ComponentRun]
    anomalies: list[dict[str, Any]]
    drift: list[dict[str, Any]]
    metrics: dict[str, float | None]
    champion: dict[str, Any] | None
    blessed: bool
    pushed: int | None
    fingerprints: dict[str, str]
    report: str
    violation_texts: list[str]
    registry: str
    unlabelled: dict[str, int]
    labels: dict[str, Any]
    weakest_slices: list[dict[str, Any]]
    log: str
    seconds: float
    stopped: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    corrections: list[dict[str, Any]] = field(default_factory=list)
    baselines: dict[str, dict[str, float | None]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    tuned: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    integrity: list[str] = field(default_factory=list)
    strongest_column: dict[str, Any] | None = None
    values: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    violations: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object that `--json` prints; `reasons` is the former name of `violation_texts`."""
        return {**asdict(self), "reasons": list(self.violation_texts)}

    @property
    def cached(self) -> int:
        """Number of cached components."""
        return sum(component.state == "cached" for component in self.components)


def from_artifacts(artifacts: Mapping[str, StoredArtifact]) -> dict[str, Any]:
    """Returns the fields of a summary that come from a run's artifacts; missing artifacts give empty fields.

    Args:
      artifacts: "Component.output" -> artifact.
    """
    found: dict[str, Any] = {
        "rows": {},
        "unlabelled": {},
        "corrections": [],
        "anomalies": [],
        "drift": [],
        "metrics": {},
        "champion": None,
        "blessed": False,
        "pushed": None,
        "violation_texts": [],
        "labels": {},
        "weakest_slices": [],
    }
    if examples := artifacts.get("ArrowExampleGen.examples"):
        found["rows"] = json.loads(examples.get_string_custom_property("rows"))
        found["unlabelled"] = json.loads(examples.get_string_custom_property("unlabelled"))
        found["corrections"] = json.loads(examples.get_string_custom_property("corrections") or "[]")
        found["anomalies"] += _mismatches(
            json.loads(
                examples.get_string_custom_property("type_mismatches") or examples.get_string_custom_property("misfits")
            )
        )
    if predictions := artifacts.get("Predictor.predictions"):
        # The number of rows that were read has to equal the number that ingest wrote.
        found["rows"] |= json.loads(predictions.get_string_custom_property("rows") or "{}")
    if anomalies := artifacts.get("ExampleValidator.anomalies"):
        found["anomalies"] += _anomalies(anomalies)
    if decision := artifacts.get("DataGate.decision"):
        found["anomalies"] += [
            {"feature": row["feature"], "kind": row["kind"], "detail": row["detail"]}
            for row in _read(decision, "decision.json")["findings"]
            if row["source"] == "classes"
        ]
    if drift := artifacts.get("DriftValidator.drift"):
        found["drift"] = [row for row in _read(drift, "drift.json") if _is_telling(row)]
    if labels := artifacts.get("LabelAudit.labels"):
        found["labels"] = _read(labels, "labels.json")
        found["labels"]["issues"] = found["labels"].get("issues", [])[:MAX_ISSUES]
        if agreement := found["labels"].get("agreement"):
            lists = ("confusions", "by_class", "by_slice", "send_back")
            found["labels"]["agreement"] = {**agreement, **{key: agreement[key][:MAX_ISSUES] for key in lists}}
    if graph := artifacts.get("Transform.transform_graph"):
        found["values"] = _values(Path(graph.uri) / "values.json")
        found["texts"] = _values(Path(graph.uri) / "texts.json")
        found["anomalies"] += [
            {"feature": row["column"], "kind": "values_lost", "detail": row["finding"]}
            for row in found["values"]
            if row["finding"]
        ]
    if model := artifacts.get("Trainer.model_run"):
        found["model"] = _tried(Path(model.uri) / "training.json")
    if tuned := artifacts.get("Tuner.best_hyperparameters"):
        found["tuned"] = _read(tuned, "best_settings.json")
    if evaluation := artifacts.get("ChampionEvaluator.evaluation"):
        verdict = _read(evaluation, "verdict.json")
        found["metrics"], found["champion"] = verdict["metrics"], verdict["champion"]
        found["blessed"] = verdict["blessed"]
        # A cached evaluation of an earlier version has the former name.
        found["violation_texts"] = verdict["violation_texts" if "violation_texts" in verdict else "shortfalls"]
        found["baselines"], found["warnings"] = verdict.get("baselines", {}), verdict.get("warnings", [])
        found["strongest_column"] = verdict.get("strongest_column")
        found["violations"], found["notices"] = verdict.get("violations", []), verdict.get("notices", [])
    if errors := artifacts.get("ErrorAnalysis.errors"):
        found["weakest_slices"] = _read(errors, "errors.json")["slices"]
    if pushed := artifacts.get("RegistryPusher.pushed_model"):
        version = pushed.get_string_custom_property("pushed_version")
        found["pushed"] = int(version) if version else None
    return found


def _read(artifact: StoredArtifact, name: str) -> Any:
    return read_json(Path(artifact.uri) / name)


def _tried(report: Path) -> dict[str, Any]:
    """`members` and `seconds` of the trainer's report; empty for custom trainers, which may write none."""
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
        return {"members": found["members"], "seconds": round(sum(found["seconds"].values()), 3)}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def _values(file: Path) -> list[dict[str, Any]]:
    """Encoding of each column's values; empty for custom preprocessing."""
    try:
        found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return found
    except FileNotFoundError:
        return []


def _is_telling(row: Mapping[str, Any]) -> bool:
    """Whether a drift row is part of the summary: drifted, or a column's main distance over all rows."""
    main = row["measure"] in (*REPRESENTATIVE, "missing")
    return bool(row["drifted"] or (main and not row["slice"]))


_MISMATCHES = {
    "misfit": "type mismatches, read as missing",
    "infinite": "infinite values, read as missing",
    "no_time": "rows without a time, which are in no span",
}


def _mismatches(mismatches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Anomalies for values that ingest read as missing, and for rows that it dropped."""
    return [
        {
            "feature": mismatch["column"],
            "kind": mismatch.get("kind", "misfit"),
            "detail": f"{mismatch['file']}: {mismatch['count']:,} {_MISMATCHES[mismatch.get('kind', 'misfit')]}, "
            f"first {mismatch['value']!r} in row {mismatch['row']:,}",
        }
        for mismatch in mismatches
    ]


def _anomalies(artifact: StoredArtifact) -> list[dict[str, Any]]:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    from components.data_gate.findings import anomaly_findings, domains_of, spelling_hints

    rows = []
    for split in artifact.splits:
        proto = anomalies_pb2.Anomalies()
        proto.ParseFromString((Path(artifact.uri) / f"Split-{split}" / "SchemaDiff.pb").read_bytes())
        for finding in spelling_hints(anomaly_findings(split, proto), domains_of(proto.baseline)):
            rows.append({"feature": finding.feature, "kind": finding.kind, "detail": finding.detail})
    return rows
