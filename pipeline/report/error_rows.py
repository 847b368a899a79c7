"""Where a model errs, as the error analysis found it: weak slices with their causes, and what features are worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from components.model_card.card import probability
from components.shared.statistics.metric_names import LOWER_IS_BETTER, METRICS
from pipeline.report.facts import Facts
from pipeline.report.small import share_bar
from pipeline.report.words import fixed, listed, metric_name, percent, signed

MOST_WEAK = 20
MOST_FEATURES = 10
"""Features whose importance is shown at once; the others can be opened."""
SURE = 2.0
"""Standard errors from which on a drop is no noise of the permutations."""
LOSSES = {"log_loss": "log loss", "squared_error": "squared error"}


@dataclass(frozen=True)
class WeakRow:
    """A slice that costs. `about`: further figures of it and of the rest; `labels`: what the audit says of them."""

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
    """The weak slices, costliest first, in so many words; `how` they were looked for. `full`: with rest and p."""

    says: str
    how: str
    value: str
    rows: tuple[WeakRow, ...]
    more: int
    full: bool

    @property
    def advised(self) -> bool:
        """Whether anything is said of what to do."""
        return any(row.next for row in self.rows)


@dataclass(frozen=True)
class ImportanceRow:
    """A feature: how much worse the metric gets without it, +- the error of that. `noise`: it may as well be 0."""

    feature: str
    drop: str
    error: str
    loss: str
    bar: Markup
    noise: bool


@dataclass(frozen=True)
class Importance:
    """Features, the most important first; `gist` names the first of them."""

    metric: str
    gist: str
    how: str
    first: tuple[ImportanceRow, ...]
    others: tuple[ImportanceRow, ...]


def weak(facts: Facts) -> Weak | None:
    """What the error analysis found; None where there was none."""
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
            f"Looked at were slices of one feature or of two with at least {found['min_rows']:,} rows; p is corrected "
            "for all of them."
        )
    if rows and overall.get("value") is not None:
        how.append(f"The mean {loss} of all rows is {fixed(overall['value'])}.")
    metric = rows[0]["metric"] if rows else "log_loss"
    return Weak(
        str(found.get("says") or ""),
        " ".join(how),
        f"Mean {LOSSES[metric]}" if metric in LOSSES else metric_name(metric),
        tuple(_weak_row(row, top, facts.task) for row in rows[:MOST_WEAK]),
        max(0, len(rows) - MOST_WEAK),
        bool(rows) and "p" in rows[0],
    )


def _weak_row(row: Mapping[str, Any], top: float, task: str) -> WeakRow:
    here, elsewhere = row.get("doubtful"), row.get("doubtful_elsewhere")
    audit = "" if here is None or elsewhere is None else f"{percent(here)}, elsewhere {percent(elsewhere)}"
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
    """Figures of a slice beside those of the other rows."""
    here, rest = row.get("figures") or {}, row.get("elsewhere") or {}
    if task == "binary" and here.get("positive") is not None and rest.get("positive") is not None:
        return (
            f"{percent(here['positive'])} positive, {percent(here['predicted'])} predicted; "
            f"elsewhere {percent(rest['positive'])}, {percent(rest['predicted'])}"
        )
    for name in ("accuracy", "rmse"):
        if here.get(name) is not None and rest.get(name) is not None:
            return f"{METRICS[name]} {fixed(here[name], 3)}, elsewhere {fixed(rest[name], 3)}"
    return ""


def importance(facts: Facts) -> Importance | None:
    """What features are worth to the model; None where it was not measured."""
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
    told = [row["feature"] for row, shown in zip(found, rows, strict=True) if _size(row) > 0 and not shown.noise]
    metric = found[0]["metric"]
    worse = "rises" if metric in LOWER_IS_BETTER else "falls"
    used = _settings(facts)
    asked = min(int(used.get("importance_rows", 0)), int(facts.errors.get("rows") or 0))
    rows_used = int(facts.errors.get("importance_rows", asked))
    left_out = int(facts.errors.get("importance_left_out") or 0)
    more = f" {left_out:,} features by which the answers vary less were not measured." if left_out else ""
    among = f" among {rows_used:,} eval rows" if rows_used else ""
    repeats = f" of {used['importance_repeats']} permutations" if "importance_repeats" in used else ""
    return Importance(
        metric_name(metric),
        f"{listed(told[:3])} matter{'s' if len(told) == 1 else ''} most" if told else "no feature stands out",
        f"How far {metric_name(metric)} {worse} when a feature’s values are dealt out anew{among}: the mean{repeats} "  # noqa: RUF001
        f"and its standard error. Of two features that say the same, each looks useless: the other stays.{more}",
        rows[:MOST_FEATURES],
        rows[MOST_FEATURES:],
    )


def _size(row: Mapping[str, Any]) -> float:
    drop = row["drop"] if row["drop"] is not None else row["loss"]
    return max(0.0, float(drop))


def _settings(facts: Facts) -> Mapping[str, Any]:
    found = facts.settings.get("ErrorAnalysis", {}).get("settings")
    return found if isinstance(found, dict) else {}
