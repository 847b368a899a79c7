"""Data of a run for an experiment tracker: parameters, metrics, tags, files; independent of the tracker."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.registry.registry import Registry
from components.shared.errors import UsageError
from pipeline.metadata.summary_files import summary_of_run
from pipeline.run_history.lineage import Lineage, SpanRead, corrections_of, model_lineage, spans_read
from pipeline.run_history.metadata_graph import artifacts_by_id, executions_of_run
from pipeline.run_history.runs import began

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store

LONGEST_KEY = 250
LONGEST_VALUE = 5_000
"""Maximum length of a parameter's or tag's value; MLflow accepts 6,000 and 8,000 characters, older servers fewer."""
_UNFIT = re.compile(r"[^\w.\- :]")
_COUNTS = ("example_count_diff", "weighted_example_count_diff", "rows_diff")


@dataclass(frozen=True)
class Pushed:
    """A version of the registry. `lineage` is None if the store does not contain the run that pushed it."""

    version: int
    registry: Registry
    manifest: Mapping[str, Any]
    lineage: Lineage | None


@dataclass(frozen=True)
class TrackingData:
    """Data of one run for a tracker.

    Attributes:
      run_id: Plumbline's run id.
      began: Start time, milliseconds since 1970, UTC.
      ended: End time, milliseconds since 1970, UTC.
      stopped: Why the run ended early, or None.
      parameters: Settings, such as "training.epochs" -> "20".
      metrics: Finite metrics: "auc" over all rows, "slice/carrier:UA/auc" of a slice, "drift/dest/chebyshev".
      tags: "plumbline.…": fingerprints, spans, files with their SHA-256, outcome.
      spans: Input files.
      files: Files to attach: reports, summary, drift.json.
      pushed: The pushed version; None if there is none, or if the registry no longer has it.
    """

    run_id: str
    began: int
    ended: int
    stopped: str | None
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    spans: tuple[SpanRead, ...]
    files: tuple[Path, ...]
    pushed: Pushed | None


def gather_tracking_data(
    store: "metadata_store.MetadataStore | None",
    home: Path,
    registry: Registry,
    run_id: str,
    settings: Mapping[str, Any],
) -> TrackingData:
    """Reads the data of a run; missing artifacts give empty fields.

    Args:
      store: ML Metadata; without it there are no input files, slices and drift.json.
      home: <root>/<dataset>.
      registry: The dataset's registry.
      run_id: Id of a run with a summary.
      settings: Current settings, for a run whose summary has none.
    """
    summary = summary_of_run(home, run_id)
    outputs = {} if store is None else _outputs(store, run_id)
    examples = outputs.get("examples")
    spans = () if examples is None else spans_read(examples)
    corrections = () if examples is None else corrections_of(examples)
    verdict = _json(outputs, "evaluation", "verdict.json") or {}
    drift = _json(outputs, "drift", "drift.json") or summary["drift"]
    start = _milliseconds(run_id)
    pushed = _pushed(store, registry, run_id, summary)
    told = {
        "run_id": run_id,
        "dataset": summary["dataset"],
        **{f"fingerprint.{name}": value for name, value in summary["fingerprints"].items()},
        **{f"spans.{split}": ",".join(map(str, numbers)) for split, numbers in summary["spans"].items()},
        **{
            f"data.{row.split}.{row.span}": f"{row.name}, {row.rows:,} rows, sha256 {row.sha256}"
            for row in sorted(spans, key=lambda row: (row.split, row.span))
        },
        "corrections": json.dumps(corrections) if corrections else "",
        "schema_sha256": pushed.lineage.schema_sha256 if pushed and pushed.lineage else "",
        "blessed": str(bool(summary["blessed"])).lower(),
        "pushed": "" if summary["pushed"] is None else str(summary["pushed"]),
        "champion": str((summary.get("champion") or {}).get("version") or ""),
        "reasons": "; ".join(summary.get("reasons", ())),
        "stopped": summary.get("stopped") or "",
        "settings": "the run's own" if summary.get("settings") else "of the day of the export, not of the run",
    }
    return TrackingData(
        run_id=run_id,
        began=start,
        ended=start + round(1000 * float(summary.get("seconds") or 0.0)),
        stopped=summary.get("stopped"),
        parameters=flattened(summary.get("settings") or settings),
        metrics=metrics_of(summary["metrics"], verdict.get("slices", {}), drift),
        tags={f"plumbline.{name}": value[:LONGEST_VALUE] for name, value in told.items() if value},
        spans=spans,
        files=_files(home / "reports" / run_id, outputs),
        pushed=pushed,
    )


def flattened(settings: Mapping[str, Any]) -> dict[str, str]:
    """Flattens settings to parameters: {"training": {"epochs": 20}} -> {"training.epochs": "20"}; lists are JSON.

    Paths (`path`, `schema_path`) and empty values are omitted.
    """
    found: dict[str, str] = {}
    for key, value in settings.items():
        if key in ("path", "schema_path"):
            continue
        if isinstance(value, Mapping):
            found |= {f"{key_of(key)}.{inner}": text for inner, text in flattened(value).items()}
        elif value not in (None, "", (), []):
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            found[key_of(key)] = text[:LONGEST_VALUE]
    return found


def metrics_of(
    overall: Mapping[str, float | None],
    slices: Mapping[str, Mapping[str, float | None]],
    drift: list[Mapping[str, Any]],
) -> dict[str, float]:
    """Returns the finite metrics of a run by unique names.

    Args:
      overall: Metric -> value over all rows.
      slices: Slice -> metric -> value.
      drift: Rows of drift.json.
    """
    found: dict[str, Any] = {key_of(name): value for name, value in overall.items() if name not in _COUNTS}
    for slice_, values in slices.items():
        found |= {
            f"slice/{key_of(slice_)}/{key_of(name)}": value for name, value in values.items() if name not in _COUNTS
        }
    for row in drift:
        where = f"/{key_of(row['slice'])}" if row.get("slice") else ""
        found[f"drift/{key_of(row['feature'])}/{key_of(row['measure'])}{where}"] = row["distance"]
    return {
        name if len(name) <= LONGEST_KEY else _shortened(name): float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def key_of(name: str) -> str:
    """Converts a name to the characters that trackers allow (letters, digits, `_-. :`): "carrier=UA" -> "carrier:UA".

    After any other change, a prefix of the original name's digest is appended to keep names unique.
    """
    plain = name.replace("=", ":") if ":" not in name else name
    fit = _UNFIT.sub("_", plain).strip(". ") or "_"
    return fit if fit == plain and len(fit) <= LONGEST_KEY // 3 else _shortened(name, fit, LONGEST_KEY // 3)


def _shortened(name: str, fit: str | None = None, longest: int = LONGEST_KEY) -> str:
    return f"{(fit or name)[: longest - 9]}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _outputs(store: "metadata_store.MetadataStore", run_id: str) -> dict[str, Any]:
    """Name of an output -> its artifact; empty if the store does not contain the run."""
    try:
        done = executions_of_run(store, run_id)
    except UsageError:
        return {}
    ids = {key: found[0] for one in done for key, found in one.outputs.items() if found}
    artifacts = artifacts_by_id(store, ids.values())
    return {key: artifacts[id_] for key, id_ in ids.items()}


def _json(outputs: Mapping[str, Any], key: str, name: str) -> Any:
    """A JSON file of an output; None if it does not exist."""
    try:
        return json.loads((Path(outputs[key].uri) / name).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError):
        return None


def _files(report: Path, outputs: Mapping[str, Any]) -> tuple[Path, ...]:
    names = ("summary.json", "report.md", "report.html")
    wanted = [report / name for name in names]
    wanted += sorted(path for path in report.glob("*card*") if path.suffix in (".md", ".html", ".json"))
    if "drift" in outputs:
        wanted.append(Path(outputs["drift"].uri) / "drift.json")
    return tuple(path for path in wanted if path.is_file())


def _pushed(
    store: "metadata_store.MetadataStore | None", registry: Registry, run_id: str, summary: Mapping[str, Any]
) -> Pushed | None:
    version = summary["pushed"]
    if version not in registry.versions():
        return None
    manifest = registry.manifest(version)
    if manifest.get("run_id") != run_id:
        return None  # a new registry starts at 1 again, and a repeated run gets the existing version
    try:
        lineage = None if store is None else model_lineage(store, version, run_id, registry)
    except UsageError:
        lineage = None
    return Pushed(version, registry, manifest, lineage)


def _milliseconds(run_id: str) -> int:
    moment = began(run_id)
    return round(1000 * datetime.fromisoformat(moment).timestamp()) if moment else 0
