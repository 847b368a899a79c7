"""The page of `plumbline runs --html`: all runs of a dataset and their metrics by span."""

from pathlib import Path
from typing import Any

from components.shared.errors import UsageError
from components.shared.files import write_text
from components.shared.statistics.metric_names import MAIN_METRICS
from pipeline.drift.comparison_text import drift_counts
from pipeline.report.draw import svg
from pipeline.report.formatting import fixed, metric_name, moment
from pipeline.report.history import read_past, read_runs
from pipeline.report.metric_chart import metric_history
from pipeline.report.page import render


def history_page(home: Path, links: bool = True) -> str:
    """Renders the page as HTML.

    Args:
      home: <root>/<dataset>.
      links: Whether to link to the runs' reports, with paths relative to <home>/reports.

    Raises:
      UsageError: There is no run.
    """
    runs, skipped = read_runs(home)
    if not runs:
        raise UsageError(f"{home / 'reports'}: no run yet; `plumbline run` makes one")
    past = read_past(home)
    known = [name for name in MAIN_METRICS if any(name in run.metrics for run in runs)][:3]
    histories = [
        (metric_name(name), svg(spec, f"{metric_name(name)} by eval span"))
        for name in known
        if (spec := metric_history(past, name)) is not None
    ]
    rows: list[dict[str, Any]] = [
        {
            "run_id": run.run_id,
            "began": moment(run.run_id),
            "span": run.span,
            "kind": "good" if run.pushed is not None else "bad",
            "outcome": f"version {run.pushed}"
            if run.pushed is not None
            else ("stopped" if run.stopped else "not pushed"),
            "figures": [fixed(run.metrics.get(name)) for name in known],
            "drifted": drift_counts(run.drift).drifted,
            "link": f"{run.run_id}/report.html"
            if links and (home / "reports" / run.run_id / "report.html").is_file()
            else None,
        }
        for run in reversed(runs)
    ]
    return render(
        "history.html.j2",
        dataset=home.name,
        rows=rows,
        pushed=sum(run.pushed is not None for run in runs),
        skipped=skipped,
        columns=[metric_name(name) for name in known],
        histories=histories,
    )


def write_history(home: Path, path: Path | None = None) -> Path:
    """Writes the page and returns its path; the default is <home>/reports/runs.html, with links to the reports."""
    chosen = path or home / "reports" / "runs.html"
    write_text(chosen, history_page(home, links=chosen.resolve().parent == (home / "reports").resolve()))
    return chosen
