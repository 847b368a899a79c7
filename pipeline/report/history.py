"""Reads earlier runs from their summaries, for the charts over spans."""

from pathlib import Path
from typing import Any

from pipeline.metadata.summary_files import summaries
from pipeline.report.facts import Past


def read_past(home: Path, run_id: str | None = None) -> tuple[Past, ...]:
    """Returns the newest run with metrics or drift of each eval span, by span.

    Args:
      home: <root>/<dataset>.
      run_id: Restricts the result to this run and earlier ones; None reads all.
    """
    newest: dict[int, Past] = {}
    for run in read_runs(home, run_id)[0]:
        if run.drift or run.metrics or run.span not in newest:
            newest[run.span] = run
    return tuple(newest[span] for span in sorted(newest))


def read_runs(home: Path, run_id: str | None = None) -> tuple[tuple[Past, ...], int]:
    """Returns the runs of a dataset, oldest first, and the number of runs skipped for an unreadable summary."""
    read = summaries(home, run_id)
    found, skipped = [], len(read.skipped)
    for summary in read.usable:
        try:
            found.append(as_past(summary))
        except (KeyError, IndexError, TypeError):
            skipped += 1
    return tuple(found), skipped


def as_past(summary: dict[str, Any]) -> Past:
    """Converts a summary to a point of the charts over spans."""
    return Past(
        run_id=summary["run_id"],
        span=summary["spans"]["eval"][-1],
        drift=tuple(row for row in summary["drift"] if not row.get("slice")),
        metrics=summary["metrics"],
        blessed=summary["blessed"],
        pushed=summary["pushed"],
        stopped=summary.get("stopped"),
    )
