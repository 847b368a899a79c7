"""Rows of the section Features: drifted columns first, with statistics, drift distances and charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from components.model_card.card import probability
from components.shared.statistics.severities import SEVERITIES
from pipeline.report import sparklines
from pipeline.report.charts import distribution
from pipeline.report.draw import svg
from pipeline.report.facts import Feature, Past, ReportData
from pipeline.report.formatting import fixed, measure_name, number, percent

FULL = 40
"""Number of features with a full chart, which costs 35 ms and 8 KB; the others have sparklines and statistics."""
MAX_SLICES = 12
FORMER = "drifted"
"""Flag of drift in runs of former versions, which recorded no severity."""
FLAGS = (*(f"{severity} drift" for severity in reversed(SEVERITIES)), FORMER)
"""Flags of drift, severest first."""


@dataclass(frozen=True)
class DriftLine:
    """One drift distance as text.

    Attributes:
      feature: Name of the column.
      measure: Name of the distance.
      where: The slice; empty for all rows.
      distance: In [0, 1].
      threshold: The distance's threshold.
      ratio: distance / threshold; above 1 the column drifted.
      drifted: Whether the distance is a finding.
      detail: Description of the change.
      chance: The p- or q-value, such as "q = 0.03".
      flag: "severe drift", "moderate drift", "negligible drift"; "drifted" in runs of former versions; empty without.
    """

    feature: str
    measure: str
    where: str
    distance: str
    threshold: str
    ratio: float
    drifted: bool
    detail: str
    chance: str
    flag: str


@dataclass(frozen=True)
class FeatureRow:
    """One row of the list of features: a column of the data, or the table as a whole.

    Attributes:
      name: Name of the column; "(rows)" and "(columns)" stand for the whole table.
      tag: "label", "id", "not used" or "".
      kind: "number", "category" or "unknown".
      drifted: Whether any distance is a finding.
      drifted_in: "all rows", "slices" or "".
      worst: The distance over all rows with the largest ratio, or, if the column drifted in slices only, that of the
        slice; None if the column was not compared.
      lines: Distances; all of those over all rows, MAX_SLICES of those in slices.
      more_lines: Number of the other distances in slices.
      statistics: (name, value in train, value in eval).
      findings: Anomalies.
      words: Of text columns: (effect on a class, words with the largest weights).
      distribution_line: Sparkline of the distribution.
      history_line: Sparkline of the distance by span; None with fewer than two spans.
      chart: Full chart of the distribution; None without one.
      history_chart: Full chart of the distance by span; None without one.
    """

    name: str
    tag: str
    kind: str
    drifted: bool
    drifted_in: str
    worst: DriftLine | None
    lines: tuple[DriftLine, ...]
    more_lines: int
    statistics: tuple[tuple[str, str, str], ...]
    findings: tuple[str, ...]
    words: tuple[tuple[str, str], ...]
    distribution_line: Markup
    history_line: Markup | None
    chart: Markup | None
    history_chart: Markup | None

    @property
    def flag(self) -> str:
        """The flag of its severest drifted distance, see DriftLine; in slices only if it drifted in slices only."""
        flags = {
            line.flag for line in self.lines if line.drifted and (line.where != "") == (self.drifted_in == "slices")
        }
        return next((flag for flag in FLAGS if flag in flags), "")

    @property
    def is_table(self) -> bool:
        """Whether the row is about the whole table instead of one column."""
        return self.name.startswith("(")


def drift_line(row: Mapping[str, Any]) -> DriftLine:
    """Converts a row of a drift report; reports of early versions have no slices and no p-values."""
    distance, threshold = float(row["distance"]), row["threshold"]
    p, q = row.get("p_value"), row.get("q_value")
    name, found = ("q", q) if q is not None else ("p", p)
    chance = "" if found is None else f"{name} = {probability(found)}".replace("= <", "<")
    return DriftLine(
        row["feature"],
        measure_name(row["measure"]),
        row.get("slice") or "",
        fixed(distance),
        fixed(threshold),
        ratio_of(distance, threshold),
        bool(row["drifted"]),
        row.get("detail") or "",
        chance,
        "" if not row["drifted"] else f"{row['severity']} drift" if row.get("severity") else FORMER,
    )


def ratio_of(distance: float, threshold: float | None) -> float:
    """Returns distance / threshold; 0 without a threshold, and 99 for a distance above a threshold of 0."""
    if threshold is None:
        return 0.0
    if threshold > 0:
        return distance / threshold
    return 0.0 if distance == 0 else 99.0


def feature_rows(facts: ReportData, full: int = FULL) -> list[FeatureRow]:
    """Arranges all columns: drifted ones first, then by distance / threshold; columns without a comparator last.

    Args:
      facts: The run.
      full: Number of columns that get a full chart.
    """
    drift: dict[str, list[tuple[DriftLine, str]]] = {}
    for row in facts.summary["drift"]:
        drift.setdefault(row["feature"], []).append((drift_line(row), row["measure"]))
    for found in drift.values():
        found.sort(key=lambda pair: (pair[0].where != "", not pair[0].drifted, -pair[0].ratio))
    named = {feature.name for feature in facts.features}
    features = [*facts.features, *(Feature(name, "unknown", {}) for name in drift if name not in named)]
    features.sort(key=lambda feature: (*_urgency(drift.get(feature.name, [])), feature.name))
    findings: dict[str, list[str]] = {}
    for row in facts.summary["anomalies"]:
        findings.setdefault(row["feature"], []).append(row["detail"])
    histories = _histories(facts.past)
    words = {row["column"]: _words(row) for row in facts.summary.get("texts", ())}
    tags = _tags(facts)
    return [
        _row(
            feature,
            [line for line, _ in drift.get(feature.name, [])],
            histories.get((feature.name, drift[feature.name][0][1]), []) if feature.name in drift else [],
            tags(feature.name),
            findings.get(feature.name, []),
            words.get(feature.name, ()),
            place < full,
        )
        for place, feature in enumerate(features)
    ]


def _urgency(found: Sequence[tuple[DriftLine, str]]) -> tuple[int, float]:
    if not found:
        return 2, 1.0
    overall = [line for line, _ in found if not line.where] or [line for line, _ in found]
    # Columns that drifted over all rows come before those that drifted in slices only.
    places = {line.where == "" for line, _ in found if line.drifted}
    return (0 if True in places else 1 if places else 2), -max(line.ratio for line in overall)


def _row(
    feature: Feature,
    lines: Sequence[DriftLine],
    history: list[tuple[int, float]],
    tag: str,
    findings: Sequence[str],
    words: Sequence[tuple[str, str]],
    full: bool,
) -> FeatureRow:
    chart = distribution(feature) if full else None
    # Lines are sorted: all rows before slices, and drifted ones first within each.
    overall = next((line for line in lines if not line.where), None)
    in_slice = next((line for line in lines if line.where and line.drifted), None)
    worst = in_slice if in_slice is not None and not (overall and overall.drifted) else overall
    drifted_in = "" if not (worst and worst.drifted) else "slices" if worst.where else "all rows"
    # All distances over all rows, and the slices with the largest ratios.
    shown = [line for line in lines if not line.where] + [line for line in lines if line.where][:MAX_SLICES]
    return FeatureRow(
        feature.name,
        tag,
        feature.kind,
        bool(drifted_in),
        drifted_in,
        worst,
        tuple(shown),
        len(lines) - len(shown),
        _statistics(feature),
        tuple(findings),
        tuple(words),
        sparklines.distribution_sparkline(feature),
        sparklines.history_chart(history, feature.name),
        svg(chart, f"{feature.name}: distribution in train and eval; the table next to it has the statistics")
        if chart
        else None,
        sparklines.history_chart(history, feature.name, wide=True) if full else None,
    )


def _words(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(effect on a class, words by descending weight)."""
    return [
        (f"{effect} {score['of']}", ", ".join(score[side]))
        for score in row["scores"]
        for side, effect in (("up", "for"), ("down", "against"))
        if score[side]
    ]


def _statistics(feature: Feature) -> tuple[tuple[str, str, str], ...]:
    """Statistics as (name, value in train, value in eval)."""
    sides = [feature.splits.get("train"), feature.splits.get("eval")]
    missing = [percent(side.missing) if side else "" for side in sides]
    rows = [("missing", missing[0], missing[1])]
    for name in dict.fromkeys(name for side in sides if side for name in side.statistics):
        texts = [_statistic(name, side.statistics[name]) if side and name in side.statistics else "" for side in sides]
        rows.append((name, texts[0], texts[1]))
    return tuple(rows) if feature.splits else ()


def _statistic(name: str, value: float | str) -> str:
    if name in ("zeros", "share of that value") and not isinstance(value, str):
        return percent(value)
    return _short(value)


def _short(value: Any) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}"
    return number(value)


def _histories(past: Sequence[Past]) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """History of the distances: (feature, measure) -> (span, distance / threshold), by span."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for run in past:
        for row in run.drift:
            ratio = ratio_of(float(row["distance"]), row["threshold"])
            found.setdefault((row["feature"], row["measure"]), []).append((run.span, ratio))
    return found


def _tags(facts: ReportData) -> Any:
    """Returns a function from a column name to its tag: "label", "id", "not used" or ""."""
    source = facts.settings.get("ArrowExampleGen", {}).get("source", {})
    used = (
        facts.settings.get("Trainer", facts.settings.get("Transform", {})).get("custom_config", {}).get("features", {})
    )
    names = {name for part in used.values() if isinstance(part, list | dict) for name in part}

    def tag(name: str) -> str:
        if name == facts.label:
            return "label"
        if name in source.get("ids", ()):
            return "id"
        if name.startswith("("):  # (rows), (columns): the whole table
            return ""
        return "not used" if names and name not in names else ""

    return tag
