"""Rows of the slice table: weakest slices first, slices with too few rows last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from components.evaluator.paired_comparison import Z95
from components.shared.statistics.metric_names import LOWER_IS_BETTER
from components.shared.statistics.slice_sizes import EVERY_SLICE
from pipeline.report.facts import ReportData
from pipeline.report.formatting import ends, fixed, metric_name, shown_metrics, signed
from pipeline.report.sparklines import share_bar

WITHIN = "not significant"
UNTESTED = "not tested"
SIGNIFICANT = "significant"
MAX_ROWS = 60
COLUMNS = 4
LESS_TELLING = {"precision", "recall", "accuracy", "log_loss"}
"""Metrics that are omitted for slices of a binary model, since they depend on the positive rate of the slice."""


@dataclass(frozen=True)
class SliceRow:
    """One slice as text.

    Attributes:
      name: Name of the slice.
      rows: Number of eval rows.
      small: Whether it has fewer rows than `min_slice_rows`.
      bar: The ranking metric as a bar; None if undefined.
      metrics: (value, 95 % interval), in the order of `SliceTable.columns`.
      difference: Candidate minus champion in the ranking metric.
      better: Whether the candidate is better; None if the difference is not significant or was not tested.
      chance: "significant", "not significant" or "not tested"; empty without a difference.
    """

    name: str
    rows: int
    small: bool
    bar: Markup | None
    metrics: tuple[tuple[str, str], ...]
    difference: str
    better: bool | None
    chance: str = ""


@dataclass(frozen=True)
class SliceTable:
    """Slices by the ranking metric, which is the first column; `more` is the number of omitted slices."""

    columns: tuple[str, ...]
    ranked_by: str
    overall: tuple[str, ...]
    rows: tuple[SliceRow, ...]
    more: int
    compared: bool
    min_rows: int
    gist: str


def slice_rows(facts: ReportData) -> SliceTable | None:
    """Arranges the slices of the evaluation; None if there are none."""
    overall = facts.summary["metrics"]
    left_out = {"threshold", "calibration"} | (LESS_TELLING if "auc" in overall else set())
    names = [name for name in shown_metrics(dict(overall)) if name not in left_out]
    if not facts.slices or not names:
        return None
    ranked = facts.settings.get("ErrorAnalysis", {}).get("metric")
    ranked = ranked if ranked in names else names[0]
    columns = [ranked, *(name for name in names if name != ranked)][:COLUMNS]
    least = int(facts.policy.get("min_slice_rows") or EVERY_SLICE)
    falling = ranked in LOWER_IS_BETTER
    difference = f"{ranked}_diff"  # TFMA's, candidate - champion on the same rows
    compared = facts.summary["champion"] is not None and any(difference in found for found in facts.slices.values())
    # Bars of a metric in [0, 1] are relative to 1, bars of a loss to the largest loss.
    top = max([value for found in facts.slices.values() if (value := found.get(ranked)) is not None], default=1.0)
    scale = 1.0 if not falling and top <= 1 else top or 1.0
    known = facts.evaluation.get("slice_intervals") or {}
    tested = {
        row["slice"]: row
        for row in facts.evaluation.get("comparisons") or ()
        if row["metric"] == ranked and row["slice"]
    }
    rows = []
    for name, found in facts.slices.items():
        value, count, moved = found.get(ranked), int(found.get("rows") or 0), found.get(difference)
        ahead = None if not moved else (moved < 0) == falling
        chance = "" if ahead is None else _chance(tested.get(name), ahead)
        rows.append(
            SliceRow(
                name,
                count,
                count < least,
                None if value is None else share_bar(value / scale),
                tuple((fixed(found.get(column), 3), ends((known.get(name) or {}).get(column))) for column in columns),
                "" if moved is None else signed(moved, 3, beside=value),
                None if chance in (WITHIN, UNTESTED) else ahead,
                chance,
            )
        )
    rows.sort(key=lambda row: (row.small, _weakness(facts.slices[row.name].get(ranked), falling), row.name))
    return SliceTable(
        tuple(metric_name(column) for column in columns),
        metric_name(ranked),
        tuple(fixed(overall.get(column), 3) for column in columns),
        tuple(rows[:MAX_ROWS]),
        max(0, len(rows) - MAX_ROWS),
        compared,
        least,
        _gist(rows, ranked),
    )


def _chance(compared: Mapping[str, Any] | None, ahead: bool) -> str:
    """Significance by the evaluator's test if the candidate is worse, else by the 95 % interval of the difference."""
    if compared is None or compared["significant"] is None or compared["error"] is None:
        return UNTESTED
    if ahead:
        return WITHIN if abs(compared["difference"]) <= Z95 * compared["error"] else SIGNIFICANT
    return SIGNIFICANT if compared["significant"] else WITHIN


def _gist(rows: Sequence[SliceRow], metric: str) -> str:
    large = [row for row in rows if not row.small and row.bar is not None]
    if not large:
        return f"{len(rows):,}, all with too few rows" if rows else ""
    return f"{len(rows):,}; {metric_name(metric)} is weakest on {large[0].name}: {large[0].metrics[0][0]}"


def _weakness(value: float | None, falling: bool) -> float:
    if value is None:
        return float("inf")
    return -value if falling else value
