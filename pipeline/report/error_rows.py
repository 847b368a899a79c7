"""Rows of the error analysis: weak slices with their causes, and permutation importance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from components.model_card.card import probability
from components.shared.statistics.metric_names import LOWER_IS_BETTER, METRIC_NAMES
from pipeline.report.facts import ReportData
from pipeline.report.formatting import fixed, listed, metric_name, percent, signed
from pipeline.report.sparklines import share_bar

MAX_WEAK = 20
MAX_FEATURES = 10
"""Number of features whose importance is visible; the others are in a collapsed table."""
SURE = 2.0
"""A drop of more than this many standard errors is significant."""
LOSSES = {"log_loss": "log loss", "squared_error": "squared error"}


@dataclass(frozen=True)
class WeakRow:
    """A weak slice as text.

    Attributes:
      name: Name of the slice.
      about: Further metrics of the slice and of the other rows.
      rows: Number of rows.
      share: Share of all eval rows; empty in older runs.
      value: Mean loss of the slice.
      rest: Mean loss of the other rows; empty in older runs.
      gap: Excess loss, see the error analysis.
      p: Corrected p-value; empty in older runs.
      gain: Gap times share of rows.
      bar: `gain` as a bar.
      labels: Share of suspected label errors in train, here and in the other rows; empty if unknown.
      moved: Drifted columns.
      next: Recommended action.
    """

    name: str
    about: str
    rows: int
    share: str
    value: str
    rest: str
    gap: str
    p: str
    gain: str
    bar: Markup
    labels: str
    moved: str
    next: str


@dataclass(frozen=True)
class Weak:
    """The weak slices, sorted by their contribution to the overall loss.

    Attributes:
      text: Summary of the error analysis.
      how: How the slices were searched.
      value: Heading of the loss column.
      rows: At most MAX_WEAK slices.
      more: Number of the others.
      full: Whether the rows have `rest` and `p` (runs of current versions).
    """

    text: str
    how: str
    value: str
    rows: tuple[WeakRow, ...]
    more: int
    full: bool

    @property
    def advised(self) -> bool:
        """Whether any slice has a recommended action."""
        return any(row.next for row in self.rows)


@dataclass(frozen=True)
class ImportanceRow:
    """Permutation importance of a feature as text; `noise` if it does not differ significantly from 0."""

    feature: str
    drop: str
    error: str
    loss: str
    bar: Markup
    noise: bool


@dataclass(frozen=True)
class ImportanceTable:
    """Permutation importance, most important feature first; `gist` names the first three."""

    metric: str
    gist: str
    how: str
    first: tuple[ImportanceRow, ...]
    others: tuple[ImportanceRow, ...]


def weak(facts: ReportData) -> Weak | None:
    """Arranges the weak slices of the error analysis; None if it did not run."""
    found = facts.errors
    rows = list(found.get("slices") or ())
    if not rows and "says" not in found:
        return None
    top = max((row["weight"] for row in rows), default=0.0) or 1.0
    overall = found.get("loss") or {}
    loss = LOSSES.get(overall.get("metric", ""), "")
    how = []
    if found.get("looked"):
        how.append(
            f"Slices of one or two features with at least {found['min_rows']:,} rows were tested; p-values are "
            "corrected for their number."
        )
    if rows and overall.get("value") is not None:
        how.append(f"The mean {loss} of all rows is {fixed(overall['value'])}.")
    metric = rows[0]["metric"] if rows else "log_loss"
    return Weak(
        str(found.get("says") or ""),
        " ".join(how),
        f"Mean {LOSSES[metric]}" if metric in LOSSES else metric_name(metric),
        tuple(_weak_row(row, top, facts.task) for row in rows[:MAX_WEAK]),
        max(0, len(rows) - MAX_WEAK),
        bool(rows) and "p" in rows[0],
    )


def _weak_row(row: Mapping[str, Any], top: float, task: str) -> WeakRow:
    here, others = row.get("doubtful"), row.get("doubtful_elsewhere")
    audit = "" if here is None or others is None else f"{percent(here)}, other rows {percent(others)}"
    return WeakRow(
        row["slice"],
        _about(row, task),
        row["rows"],
        percent(row["share"]) if "share" in row else "",
        fixed(row["value"], 3),
        fixed(row["rest"], 3) if "rest" in row else "",
        fixed(row["gap"], 3),
        probability(row["p"]) if "p" in row else "",
        fixed(row["weight"], 4),
        share_bar(row["weight"] / top, "alert"),
        audit,
        ", ".join((row.get("moved") or ())[:3]),
        row.get("next", ""),
    )


def _about(row: Mapping[str, Any], task: str) -> str:
    """Metrics of a slice and of the other rows."""
    here, rest = row.get("figures") or {}, row.get("elsewhere") or {}
    if task == "binary" and here.get("positive") is not None and rest.get("positive") is not None:
        return (
            f"{percent(here['positive'])} positive, {percent(here['predicted'])} predicted; "
            f"other rows {percent(rest['positive'])}, {percent(rest['predicted'])}"
        )
    for name in ("accuracy", "rmse"):
        if here.get(name) is not None and rest.get(name) is not None:
            return f"{METRIC_NAMES[name]} {fixed(here[name], 3)}, other rows {fixed(rest[name], 3)}"
    return ""


def importance(facts: ReportData) -> ImportanceTable | None:
    """Arranges the permutation importance of the features; None if it was not computed."""
    found = list(facts.errors.get("importance") or ())
    if not found:
        return None
    top = max((_size(row) for row in found), default=0.0)
    rows = tuple(
        ImportanceRow(
            row["feature"],
            "unknown" if row["drop"] is None else signed(row["drop"]),
            "" if row["standard_error"] is None else fixed(row["standard_error"]),
            signed(row["loss"]),
            share_bar(_size(row) / top if top > 0 else 0.0),
            row["drop"] is not None and abs(row["drop"]) <= SURE * (row["standard_error"] or 0.0),
        )
        for row in found
    )
    largest = [row["feature"] for row, shown in zip(found, rows, strict=True) if _size(row) > 0 and not shown.noise]
    metric = found[0]["metric"]
    worse = "Increase" if metric in LOWER_IS_BETTER else "Decrease"
    used = _settings(facts)
    asked = min(int(used.get("importance_rows", 0)), int(facts.errors.get("rows") or 0))
    rows_used = int(facts.errors.get("importance_rows", asked))
    left_out = int(facts.errors.get("importance_left_out") or 0)
    more = f" {left_out:,} features with less influence on the predictions were not measured." if left_out else ""
    among = f" within {rows_used:,} eval rows" if rows_used else ""
    repeats = f" over {used['importance_repeats']} permutations" if "importance_repeats" in used else ""
    return ImportanceTable(
        metric_name(metric),
        f"most important: {listed(largest[:3])}" if largest else "no feature is significant",
        f"{worse} of {metric_name(metric)} after the values of a feature are permuted{among}: mean{repeats} and its "
        f"standard error. Correlated features share their importance, so each of them may seem unimportant.{more}",
        rows[:MAX_FEATURES],
        rows[MAX_FEATURES:],
    )


def _size(row: Mapping[str, Any]) -> float:
    drop = row["drop"] if row["drop"] is not None else row["loss"]
    return max(0.0, float(drop))


def _settings(facts: ReportData) -> Mapping[str, Any]:
    found = facts.settings.get("ErrorAnalysis", {}).get("settings")
    return found if isinstance(found, dict) else {}
