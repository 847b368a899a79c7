"""Summary of a run: the JSON of `plumbline run --json`, and its text."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.drift_validator.thresholds import REPRESENTATIVE
from components.shared.audited_rows import audited_rows
from components.shared.files import read_json
from components.shared.statistics.metric_names import MAIN_METRICS
from pipeline.drift.comparison_text import drift_counts, in_short
from pipeline.metadata.stored_artifact import StoredArtifact
from pipeline.run_history.cautions import caution_text, cautions
from pipeline.settings import tuning_result_text

MAX_ISSUES = 20
"""Maximum number of label issues in a summary; labels.json has up to `[audit] max_issues`."""

MAX_WARNINGS = 4
"""Maximum number of evaluator warnings in the text; the report has all."""


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


def summary_text(summary: Summary) -> str:
    """Returns the summary in a few lines."""
    train, evaluation = (f"{summary.rows.get(split, 0):,} rows" for split in ("train", "eval"))
    if summary.spans["train"] != summary.spans["eval"]:
        train, evaluation = (
            f"{spans_text(summary.spans[split])} ({size})" for split, size in (("train", train), ("eval", evaluation))
        )
    lines = [f"{summary.dataset}: trained on {train}, evaluated on {evaluation}"]
    lines += [f"  integrity   {line}" for line in summary.integrity]
    lines += [f"  warning     {caution_text(one)}" for one in cautions(summary.to_json())]
    left_out = sum(summary.unlabelled.values())
    if left_out:
        lines.append(f"  dropped     {left_out:,} rows without a label")
    for corrected in summary.corrections:
        counts = ", ".join(f"{corrected[what]:,} {what}" for what in ("relabelled", "changed", "dropped"))
        lines.append(f"  corrected   {counts} rows, by {corrected['name']}")
    anomalies = [f"{row['feature']}: {row['detail']}" for row in summary.anomalies]
    lines.append(f"  anomalies   {_some(anomalies)}")
    lines.append(f"  drift       {in_short(summary.drift)}")
    if audited_rows(summary.labels):
        lines.append(f"  labels      {_label_text(summary.labels)}")
    if agreement := summary.labels.get("agreement"):
        lines.append(f"  agreement   {_agreement_text(agreement)}")
    if summary.tuned:
        lines.append(f"  tuned       {_tuned_text(summary)}")
    if summary.stopped is not None:
        lines.append(f"  stopped     {summary.stopped}")
    if summary.metrics:
        lines += _metric_lines(summary)
        if summary.model:
            lines.append(f"  model       {_model_text(summary.model)}")
        if summary.baselines:
            lines.append(f"  baselines   {_baseline_text(summary)}")
        if one := summary.strongest_column:
            lines.append(f"  strongest   {' '.join(one['column'].split())} alone: {one['metric']} {one['value']:.4f}")
        lines += [f"  warning     {one}" for one in summary.warnings[:MAX_WARNINGS]]
        if len(summary.warnings) > MAX_WARNINGS:
            lines.append(f"  warning     and {len(summary.warnings) - MAX_WARNINGS} more in the report")
        lines.append(f"  weakest     {_weakest_text(summary.weakest_slices)}")
        lines.append(f"  blessed     {_blessing_text(summary)}")
    if summary.pushed is not None:
        lines.append(f"  pushed      version {summary.pushed}: {_nearby(summary.registry)}/{summary.pushed}")
        lines.append(f"  serve       plumbline serve --dataset {summary.dataset}")
    elif summary.metrics:
        lines.append("  pushed      nothing")
    count = len(summary.components)
    if summary.cached == count:
        lines.append(f"  cached      all {count} components; nothing changed")
    elif summary.cached:
        lines.append(f"  cached      {summary.cached} of {count} components")
    lines.append(f"  report      {_nearby(summary.report)}")
    lines.append(f"  log         {_nearby(summary.log)}")
    return "\n".join(lines)


def summary_line(summary: Summary) -> str:
    """Returns the summary of a replayed span in one line."""
    shown = " ".join(f"{name} {summary.metrics[name]:.3f}" for name in _shown(summary) if _known(summary, name))
    champion = summary.champion
    against = f"against v{champion['version']}" if champion else "no champion yet"
    if summary.stopped is not None:
        outcome = f"stopped: {summary.stopped}"
    elif summary.pushed is not None:
        outcome = f"pushed as v{summary.pushed}"
    else:
        outcome = f"not pushed: {_some(summary.violation_texts, 2)}"
    drifted = drift_counts(summary.drift).drifted
    moved = f"drift in {drifted}" if drifted else "no drift"
    return (
        f"span {summary.spans['eval'][0]:>3}  train {spans_text(summary.spans['train']):<12} "
        f"{summary.rows.get('eval', 0):>8,} rows  {shown}  {moved:<11}  {against:<16}  {outcome}  "
        f"({summary.seconds:.0f} s)"
    )


def spans_text(spans: list[int]) -> str:
    """Formats span numbers: [9, 10, 11] -> "spans 9-11"."""
    return f"span {spans[0]}" if len(spans) == 1 else f"spans {spans[0]}-{spans[-1]}"


def _nearby(path: str) -> str:
    """The path, relative if it is below the working directory."""
    if "://" in path:
        return path
    near = os.path.relpath(path)
    return path if near.startswith("..") else near


def _shown(summary: Summary) -> list[str]:
    return [name for name in MAIN_METRICS if name in summary.metrics][:3]


def _known(summary: Summary, name: str) -> bool:
    return summary.metrics[name] is not None


def _metric_lines(summary: Summary) -> list[str]:
    lines = []
    before = (summary.champion or {}).get("metrics", {})
    for name in _shown(summary):
        value, champion = summary.metrics[name], before.get(name)
        line = f"  {name:<19} {'unknown' if value is None else f'{value:.4f}'}"
        if value is not None and champion is not None:
            version = (summary.champion or {})["version"]
            line += f"   champion (version {version}) {champion:.4f}, {value - champion:+.4f}"
        lines.append(line)
    return lines


def _model_text(model: Mapping[str, Any]) -> str:
    """The members with their weights, and the candidates that were not selected."""
    members = [one for one in model["members"] if one["weight"]]
    weighed = len(members) > 1
    used = " + ".join(f"{one['weight']:.2f} {one['name']}" if weighed else one["name"] for one in members)
    others = ", ".join(one["name"] for one in model["members"] if not one["weight"])
    return f"{used}, in {model['seconds']:.0f} s" + (
        f"; not selected: {others} (reasons in the report)" if others else ""
    )


def _baseline_text(summary: Summary) -> str:
    """The first two metrics of each baseline: "linear auc 0.7210 average_precision 0.3516; prior …"."""
    names = _shown(summary)[:2]
    return "; ".join(
        f"{baseline} " + " ".join(f"{name} {value:.4f}" for name in names if (value := metrics.get(name)) is not None)
        for baseline, metrics in sorted(summary.baselines.items())
    )


def _blessing_text(summary: Summary) -> str:
    if not summary.blessed:
        return f"no: {_some(summary.violation_texts)}"
    return "yes" if summary.champion else "yes: passed the absolute thresholds (no champion yet)"


def _weakest_text(slices: list[dict[str, Any]]) -> str:
    if not slices:
        return "no weak slice found"
    first, more = slices[0], len(slices) - 1
    others = f" ({more} more in the report)" if more else ""
    return f"{first['slice']}, {first['rows']:,} rows; {first.get('next', 'see the report')}{others}"


def _tuned_text(summary: Summary) -> str:
    said = tuning_result_text.in_short(summary.tuned, most=4)
    if run_id := summary.tuned.get("run_id"):
        return f"{said} (from run {run_id})"
    keep = f"; keep it: plumbline tuned --dataset {summary.dataset} --write"
    return said + keep if summary.tuned["adopted"] else said


def _label_text(labels: Mapping[str, Any]) -> str:
    audited = audited_rows(labels)
    share = labels["doubtful"] / audited
    hard = "; classes overlap, so some may only be hard to predict" if labels.get("separable") is False else ""
    return f"{labels['doubtful']:,} of {audited:,} suspected label errors ({share:.1%}){hard}"


def _agreement_text(agreement: Mapping[str, Any]) -> str:
    """Krippendorff's alpha with its interval, and the number of rows that annotators labelled differently."""
    if agreement["alpha"] is None:
        return agreement["advice"][0]
    interval = agreement["alpha_interval"]
    ends = f" (95 % interval {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return (
        f"Krippendorff's alpha {agreement['alpha']:.3f}{ends} of {len(agreement['labelers'])} annotators; "
        f"{agreement['disagreeing']:,} of {agreement['compared']:,} rows have different labels"
    )


def _some(items: list[str], most: int = 3) -> str:
    if not items:
        return "none"
    more = f", and {len(items) - most} more" if len(items) > most else ""
    return "; ".join(items[:most]) + more
