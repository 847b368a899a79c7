"""Cautions that affect the interpretation of a run's metrics: a short window, and prior shift of the label.

Both are computed from summary.json, so that the terminal's summary and the report agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.drift.comparison_text import in_one_line


@dataclass(frozen=True)
class ShortWindow:
    """The run used fewer spans than [data] window, because the history is shorter; `train` holds the used spans."""

    wanted: int
    train: tuple[int, ...]


@dataclass(frozen=True)
class PriorShift:
    """The label's distribution differs between train and eval; `row` is its drift row with the largest distance."""

    row: Mapping[str, Any]


Caution = ShortWindow | PriorShift


def cautions(summary: Mapping[str, Any]) -> list[Caution]:
    """Returns the cautions of a run, most important first.

    Args:
      summary: Content of summary.json. Fields that an earlier version did not write give no caution.
    """
    found: list[Caution] = []
    shifted = [
        row
        for row in summary.get("drift") or ()
        if row.get("role") == "label" and row["drifted"] and not row.get("slice")
    ]
    if shifted:
        found.append(PriorShift(max(shifted, key=lambda row: row["distance"] / (row["threshold"] or 1e-12))))
    spans = summary.get("spans") or {}
    train = tuple(spans.get("train") or ())
    wanted = ((summary.get("settings") or {}).get("data") or {}).get("window")
    if wanted and train and list(train) != list(spans.get("eval") or ()) and len(train) < wanted:
        found.append(ShortWindow(int(wanted), train))
    return found


def caution_text(found: Caution) -> str:
    """Returns a caution as one line without a full stop."""
    if isinstance(found, PriorShift):
        return f"prior shift: the label's distribution differs between train and eval, {in_one_line(found.row)}"
    used = f"span {found.train[0]}" if len(found.train) == 1 else f"spans {found.train[0]}-{found.train[-1]}"
    return (
        f"short window: [data] window = {found.wanted}, but only {len(found.train)} "
        f"{'span precedes' if len(found.train) == 1 else 'spans precede'} the eval span; trained on {used}"
    )
