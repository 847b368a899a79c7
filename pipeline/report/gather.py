"""Reads a finished run's artifacts into the facts of its report."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from components.shared.errors import UsageError
from components.shared.files import read_json
from pipeline.metadata.connection import known_store
from pipeline.report.curves import read_curves
from pipeline.report.facts import Past, ReportData
from pipeline.report.history import as_past, read_past
from pipeline.report.statistics import read_features
from pipeline.report.store import read_record

Found = TypeVar("Found")


def gather_report_data(home: Path, summary: Mapping[str, Any], store: Any = None) -> ReportData:
    """Reads the artifacts of a run; those of steps that did not run, or that were deleted, are empty.

    Args:
      home: <root>/<dataset>.
      summary: The run's summary, see `Summary.to_json`.
      store: An open MetadataStore; None opens the SQLite file below home, if there is one.
    """
    record = read_record(summary, store if store is not None else known_store(None, home))
    gone = []

    def read(key: str, how: Callable[[Path], Found], otherwise: Found) -> Found:
        folder = record.outputs.get(key)
        if folder is None:
            return otherwise
        if not folder.is_dir():
            gone.append(key)
            return otherwise
        try:
            return how(folder)
        except FileNotFoundError:
            gone.append(key)
            return otherwise

    return ReportData(
        summary=summary,
        features=read("StatisticsGen.statistics", read_features, ()),
        steps=record.steps,
        files=record.files,
        settings=record.settings,
        evaluation=read("ChampionEvaluator.evaluation", _verdict, {}),
        errors=read("ErrorAnalysis.errors", _errors, {"slices": summary["weakest_slices"]}),
        training=read("Trainer.model_run", _training, {}),
        curves=read("ChampionEvaluator.evaluation", read_curves, {}),
        thumbnails=read("LabelAudit.labels", _thumbnails, ()),
        past=_with_this(read_past(home, summary["run_id"]), summary),
        gone=tuple(dict.fromkeys(gone)),
    )


def _verdict(evaluation: Path) -> dict[str, Any]:
    return dict(_json(evaluation / "verdict.json"))


def _errors(errors: Path) -> dict[str, Any]:
    found = _json(errors / "errors.json")
    return {"slices": found} if isinstance(found, list) else dict(found)  # early versions wrote a list


def _training(model_run: Path) -> dict[str, Any]:
    """training.json; empty if a custom trainer module writes none, or in another format."""
    try:
        found = _json(model_run / "training.json")
    except (FileNotFoundError, UsageError):
        return {}
    return found if isinstance(found, dict) else {}


def _thumbnails(labels: Path) -> tuple[dict[str, Any], ...]:
    """thumbnails.json; empty for tables without images."""
    try:
        return tuple(_json(labels / "thumbnails.json"))
    except (FileNotFoundError, UsageError):
        return ()


def _json(path: Path) -> Any:
    return read_json(path)


def _with_this(past: tuple[Past, ...], summary: Mapping[str, Any]) -> tuple[Past, ...]:
    """Adds this run to the earlier ones, since the report may be written before the summary."""
    this = as_past(dict(summary))
    return tuple(sorted((*(run for run in past if run.span != this.span), this), key=lambda run: run.span))
