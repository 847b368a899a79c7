"""Retrainings as texts, with links to the reports of their runs."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.dashboard.formatting import DASH, figure, moment
from monitor.dashboard.history import REPORTS, History

MAX_ROWS = 20
RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4,16}")

_STATES = {
    "decided": ("decided", "now"),
    "held": ("waits for approval", "now"),
    "span": ("writing the span", "now"),
    "training": ("training", "now"),
    "canary": ("canary", "now"),
    "promoted": ("promoted", "fine"),
    "rejected": ("rejected", "moderate"),
    "failed": ("failed", "severe"),
}
Link = Callable[[str], str]
"""Run id -> address of the run's report, from the page; "" if there is none."""


@dataclass(frozen=True)
class RetrainingRow:
    """A retraining as texts; `kind` is the CSS class of its state, `steps` are (time, step, text)."""

    number: str
    state: str
    kind: str
    opened: str
    trigger: str
    reason: str
    rows: str
    version: str
    cost: str
    run_id: str
    link: str
    waits: str
    steps: Sequence[tuple[str, str, str]]


def retraining_rows(history: History, link: Link) -> list[RetrainingRow]:
    """The last retrainings, newest first."""
    return [_row(record, link) for record in reversed(list(history.retrainings)[-MAX_ROWS:])]


def run_report(home: Path, run_id: str) -> Path | None:
    """The report of a run; None if the id is none, or has no report."""
    if not RUN_ID.fullmatch(run_id):
        return None
    path = home / REPORTS / run_id / "report.html"
    return path if path.is_file() else None


def file_link(home: Path, page: Path) -> Link:
    """Links of a page on disk: relative paths to the reports."""

    def link(run_id: str) -> str:
        report = run_report(home, run_id)
        if report is None:
            return ""
        return Path(os.path.relpath(report.resolve(), page.resolve().parent)).as_posix()

    return link


def _row(record: dict[str, Any], link: Link) -> RetrainingRow:
    state, kind = _STATES.get(str(record.get("state")), (str(record.get("state")), "now"))
    run_id = str(record.get("run_id") or "")
    version, rows, cost = record.get("version"), record.get("rows"), record.get("cost")
    spans = [str(record[name]) for name in ("span", "eval_span") if record.get(name) is not None]
    counted = f"{rows:,}" if isinstance(rows, int) and rows else DASH
    return RetrainingRow(
        str(record.get("number", "")),
        state,
        kind,
        moment(str(record.get("opened", ""))),
        str(record.get("trigger", "")),
        str(record.get("reason", "")),
        f"{counted} (span {' and '.join(spans)})" if spans else counted,
        DASH if version is None else str(version),
        figure(float(cost)) if isinstance(cost, int | float) and cost else DASH,
        run_id,
        link(run_id) if run_id else "",
        str(record.get("waits_for") or ""),
        [
            (moment(str(step.get("time", ""))), str(step.get("step", "")), str(step.get("text", "")))
            for step in record.get("steps", ())
        ],
    )
