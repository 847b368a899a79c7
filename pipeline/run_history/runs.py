"""History of a dataset's runs.

Results are read from the summaries beside the reports. A run without a summary was killed or is in progress; the
reports of a run that only ML Metadata contains were deleted.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.errors import UsageError
from components.shared.statistics.metric_names import MAIN_METRICS
from components.shared.texts.file_names import is_plain
from pipeline.drift.comparison_text import drift_counts
from pipeline.metadata.summary_files import read_summary
from pipeline.run_history.metadata_graph import run_ids

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
      run_id: Id of the run.
      when: Start time, UTC, ISO 8601.
      state: "done"; "stopped", by the gate or a failure; "unfinished", killed or in progress; "unreadable", its
        summary is damaged (`plumbline doctor`); "no report".
      spans: Split -> span numbers.
      rows: Split -> number of rows.
      drifted: Number of features that drifted over all rows, counted as the report counts them.
      drifted_in_slices: Number of those that drifted in slices only.
      metrics: Metric -> value over all rows of the split `eval`.
      champion: The version it was compared with, or None.
      blessed: Whether the candidate was blessed.
      pushed: The pushed version, or None.
      seconds: Duration; None if unknown.
      components: Number of components, including skipped ones.
      cached: Number of cached components.
      stopped: Why it ended early, or None.
      report: Path of the report, or "".
    """

    run_id: str
    when: str
    state: str
    spans: dict[str, list[int]]
    rows: dict[str, int]
    drifted: int
    metrics: dict[str, float | None]
    champion: int | None
    blessed: bool
    pushed: int | None
    seconds: float | None
    components: int
    cached: int
    stopped: str | None
    report: str
    drifted_in_slices: int = 0

    def to_json(self) -> dict[str, Any]:
        """Returns one entry of the JSON that `plumbline runs --json` prints."""
        return asdict(self)


def history(home: Path, store: "metadata_store.MetadataStore | None" = None, limit: int | None = None) -> list[Run]:
    """Returns the runs of a dataset, newest first.

    Args:
      home: <root>/<dataset>.
      store: ML Metadata, to include runs whose reports were deleted.
      limit: Maximum number of runs; None is all.

    Raises:
      UsageError: There is no run, or `limit` is less than 1.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit}: must be at least 1")
    reports = home / "reports"
    names = {path.name for path in reports.iterdir() if path.is_dir()} if reports.is_dir() else set()
    if store is not None:
        names.update(run_ids(store))
    if not names:
        raise UsageError(f"{home}: no run yet; `plumbline run` makes one")
    # A run id begins with its start time.
    return [_read(reports / name) for name in sorted(filter(is_plain, names), reverse=True)[:limit]]


def began(run_id: str) -> str:
    """Returns the start time in a run id ("20261121T090631Z-a531") as ISO 8601; "" for other ids."""
    try:
        return datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%S%z").isoformat(timespec="seconds")
    except ValueError:
        return ""


def runs_text(runs: Sequence[Run]) -> str:
    """Returns a table with one line per run."""
    names = [name for name in MAIN_METRICS if any(name in run.metrics for run in runs)][:3]
    heading = ["run", "train", "eval", "rows", "drift", *names, "outcome", "cached", "seconds"]
    rows = [heading] + [_cells(run, names) for run in runs]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heading))]
    right = {"rows", "drift", "cached", "seconds", *names}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(heading, row, widths, strict=True)
        ).rstrip()
        for row in rows
    )


def _read(folder: Path) -> Run:
    read = read_summary(folder)
    summary = read.content
    if summary:
        state = "done" if summary.get("stopped") is None else "stopped"
    elif read.wrong == "missing":
        state = "unfinished" if folder.is_dir() else "no report"
    else:
        state = "unreadable"
    components = summary.get("components", [])
    counts = drift_counts(summary.get("drift", []))
    return Run(
        run_id=folder.name,
        when=began(folder.name),
        state=state,
        spans=summary.get("spans", {}),
        rows=summary.get("rows", {}),
        drifted=counts.drifted,
        drifted_in_slices=counts.in_slices,
        metrics={name: value for name, value in summary.get("metrics", {}).items() if name in MAIN_METRICS},
        champion=(summary.get("champion") or {}).get("version"),
        blessed=bool(summary.get("blessed", False)),
        pushed=summary.get("pushed"),
        seconds=summary.get("seconds"),
        components=len(components),
        cached=sum(component["state"] == "cached" for component in components),
        stopped=summary.get("stopped"),
        report=summary.get("report", ""),
    )


def _cells(run: Run, metrics: Sequence[str]) -> list[str]:
    values = [run.metrics.get(name) for name in metrics]
    return [
        run.run_id,
        _spans(run.spans.get("train", [])),
        _spans(run.spans.get("eval", [])),
        f"{sum(run.rows.values()):,}" if run.rows else "-",
        _drift(run) if run.components else "-",
        *("-" if value is None else f"{value:.4f}" for value in values),
        _outcome(run),
        f"{run.cached}/{run.components}" if run.components else "-",
        "-" if run.seconds is None else f"{run.seconds:.0f}",
    ]


def _spans(spans: Sequence[int]) -> str:
    """Formats span numbers: [9, 10, 11] -> "9-11"."""
    if not spans:
        return "-"
    return str(spans[0]) if len(spans) == 1 else f"{spans[0]}-{spans[-1]}"


def _drift(run: Run) -> str:
    return f"{run.drifted} (+{run.drifted_in_slices} in slices)" if run.drifted_in_slices else str(run.drifted)


def _outcome(run: Run) -> str:
    if run.state != "done":
        return run.state
    if run.pushed is not None:
        return f"pushed as v{run.pushed}"
    return "blessed, not pushed" if run.blessed else "not blessed"
