"""A model's slices, arranged: the weakest first, those too small to tell last."""

from dataclasses import dataclass

from markupsafe import Markup

from components.evaluator.verdict import LOWER_IS_BETTER
from pipeline.report.facts import Facts
from pipeline.report.small import share_bar
from pipeline.report.words import fixed, metric_name, shown_metrics, signed

MOST = 60
COLUMNS = 4


@dataclass(frozen=True)
class SliceRow:
    """One slice: its figures in the order of `SliceTable.columns`, a bar for the first, and what the champion lacks."""

    name: str
    rows: int
    small: bool
    bar: Markup | None
    figures: tuple[str, ...]
    difference: str
    better: bool | None


@dataclass(frozen=True)
class SliceTable:
    """Slices by the metric that ranks them, which is the first column. `more` were left out."""

    columns: tuple[str, ...]
    ranked_by: str
    overall: tuple[str, ...]
    rows: tuple[SliceRow, ...]
    more: int
    compared: bool
    min_rows: int


@dataclass(frozen=True)
class WeakRow:
    """A slice that costs: its mean loss, the gap to the rest, what that costs overall, and what to do about it."""

    name: str
    rows: int
    value: str
    gap: str
    cost: str
    bar: Markup
    next: str


def slice_rows(facts: Facts) -> SliceTable | None:
    """The table of slices; None where there are none."""
    overall = facts.summary["metrics"]
    names = [name for name in shown_metrics(dict(overall)) if name not in ("threshold", "calibration")]
    if not facts.slices or not names:
        return None
    ranked = facts.settings.get("ErrorAnalysis", {}).get("metric")
    ranked = ranked if ranked in names else names[0]
    columns = [ranked, *(name for name in names if name != ranked)][:COLUMNS]
    least = int(facts.bar.get("min_slice_rows") or 1)
    falling = ranked in LOWER_IS_BETTER
    difference = f"{ranked}_diff"  # TFMA's, candidate - champion on the same rows
    compared = facts.summary["champion"] is not None and any(difference in found for found in facts.slices.values())
    # Bars of a metric in [0, 1] are shares of the whole cell; of a loss, of the largest.
    top = max([value for found in facts.slices.values() if (value := found.get(ranked)) is not None], default=1.0)
    scale = 1.0 if not falling and top <= 1 else top or 1.0
    rows = []
    for name, found in facts.slices.items():
        value, count, moved = found.get(ranked), int(found.get("rows") or 0), found.get(difference)
        rows.append(
            SliceRow(
                name,
                count,
                count < least,
                None if value is None else share_bar(value / scale),
                tuple(fixed(found.get(column), 3) for column in columns),
                "" if moved is None else signed(moved, 3),
                None if not moved else (moved < 0) == falling,
            )
        )
    rows.sort(key=lambda row: (row.small, _weakness(facts.slices[row.name].get(ranked), falling), row.name))
    return SliceTable(
        tuple(metric_name(column) for column in columns),
        metric_name(ranked),
        tuple(fixed(overall.get(column), 3) for column in columns),
        tuple(rows[:MOST]),
        max(0, len(rows) - MOST),
        compared,
        least,
    )


def weak_rows(facts: Facts) -> list[WeakRow]:
    """Error analysis' slices, costliest first."""
    found = facts.summary["weakest_slices"][:8]
    most = max((row["weight"] for row in found), default=0.0) or 1.0
    return [
        WeakRow(
            row["slice"],
            row["rows"],
            fixed(row["value"], 3),
            fixed(row["gap"], 3),
            fixed(row["weight"], 4),
            share_bar(row["weight"] / most, "alert"),
            row.get("next", ""),
        )
        for row in found
    ]


def _weakness(value: float | None, falling: bool) -> float:
    if value is None:
        return float("inf")
    return -value if falling else value
