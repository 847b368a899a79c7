"""Earlier runs, as far as a course over the spans needs them: read from their summaries alone."""

import json
from pathlib import Path
from typing import Any

from pipeline.report.facts import Past


def read_past(home: Path, run_id: str | None = None) -> tuple[Past, ...]:
    """Runs of a dataset by eval span, of each span the newest run that had something to say.

    Args:
      home: <root>/<dataset>.
      run_id: Only this run and earlier ones; None is all.
    """
    newest: dict[int, Past] = {}
    for run in read_runs(home, run_id):
        if run.drift or run.metrics or run.span not in newest:
            newest[run.span] = run
    return tuple(newest[span] for span in sorted(newest))


def read_runs(home: Path, run_id: str | None = None) -> tuple[Past, ...]:
    """All runs of a dataset, the oldest first. A summary that cannot be read is left out: its run was killed."""
    found = []
    for path in sorted((home / "reports").glob("*/summary.json")):
        if run_id is not None and path.parent.name > run_id:  # a run id begins with its time
            continue
        try:
            run = as_past(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            continue
        if run.run_id == path.parent.name:  # pages link to a run by its id
            found.append(run)
    return tuple(found)


def as_past(summary: dict[str, Any]) -> Past:
    """A summary as one point of a course."""
    return Past(
        run_id=summary["run_id"],
        span=summary["spans"]["eval"][-1],
        drift=tuple(row for row in summary["drift"] if not row.get("slice")),
        metrics=summary["metrics"],
        blessed=summary["blessed"],
        pushed=summary["pushed"],
        stopped=summary.get("stopped"),
    )
