"""What a reader of a run must know before its metrics: a short window, and prior shift of the label.

Both are computed from fields of summary.json, so that the terminal's summary and the report say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.drift.comparison_text import in_one_line


@dataclass(frozen=True)
class ShortWindow:
    """Fewer spans than [data] window asks for: the history is shorter. `train` are the spans that were used."""

    wanted: int
    train: tuple[int, ...]


@dataclass(frozen=True)
class PriorShift:
    """The label's distribution differs between train and eval; `row` is its drift row with the largest distance."""

    row: Mapping[str, Any]


Caution = ShortWindow | PriorShift


def cautions(summary: Mapping[str, Any]) -> list[Caution]:
    """Cautions of a run, the most important first.

    Args:
      summary: summary.json. A field that an earlier version did not write gives no caution.
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
    """A caution as one line without a full stop."""
    if isinstance(found, PriorShift):
        return f"prior shift: the label's distribution moved between train and eval, {in_one_line(found.row)}"
    used = f"span {found.train[0]}" if len(found.train) == 1 else f"spans {found.train[0]}-{found.train[-1]}"
    return (
        f"short window: [data] window = {found.wanted}, but only {len(found.train)} "
        f"{'span precedes' if len(found.train) == 1 else 'spans precede'} the eval span; trained on {used}"
    )
