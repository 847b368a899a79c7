"""The features of a run, arranged: those that moved first, the first ones with charts, each with its course."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from components.model_card.card import probability
from pipeline.report import small
from pipeline.report.charts import distribution
from pipeline.report.draw import svg
from pipeline.report.facts import Facts, Feature, Past
from pipeline.report.words import fixed, measure_name, number, percent

FULL = 40
"""Features with a full chart: 35 ms and 8 KB each. The others have their small graphics and figures."""
MOST_SLICES = 12


@dataclass(frozen=True)
class DriftLine:
    """One measured distance. `ratio` = distance / threshold: above 1 it drifted."""

    feature: str
    measure: str
    where: str
    distance: str
    threshold: str
    ratio: float
    drifted: bool
    detail: str
    chance: str


@dataclass(frozen=True)
class FeatureRow:
    """One feature, ready to be shown.

    `worst` is the row that decides whether it drifted: the overall measure that is furthest over its threshold, or, if
    the feature drifted in slices only, that of the slice; `drifted_in` is "all rows", "slices" or "". `words`, of
    texts, are what they score for or against, and the words that do.
    """

    name: str
    tag: str
    kind: str
    drifted: bool
    drifted_in: str
    worst: DriftLine | None
    lines: tuple[DriftLine, ...]
    more_lines: int
    figures: tuple[tuple[str, str, str], ...]
    findings: tuple[str, ...]
    words: tuple[tuple[str, str], ...]
    mini: Markup
    spark: Markup | None
    chart: Markup | None
    course: Markup | None


def drift_line(row: Mapping[str, Any]) -> DriftLine:
    """A row of a drift report; older runs have no slices and no test of chance."""
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
    )


def ratio_of(distance: float, threshold: float | None) -> float:
    """Distance in units of its threshold; above 0 any distance is far, and without a threshold none is."""
    if threshold is None:
        return 0.0
    if threshold > 0:
        return distance / threshold
    return 0.0 if distance == 0 else 99.0


def feature_rows(facts: Facts, full: int = FULL) -> list[FeatureRow]:
    """All features, drifted ones first, then by how near they are to it; those without a comparator last."""
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
    courses = _courses(facts.past)
    words = {row["column"]: _words(row) for row in facts.summary.get("texts", ())}
    tags = _tags(facts)
    return [
        _row(
            feature,
            [line for line, _ in drift.get(feature.name, [])],
            courses.get((feature.name, drift[feature.name][0][1]), []) if feature.name in drift else [],
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
    # Within the drifted ones, those that drifted over all rows come first.
    places = {line.where == "" for line, _ in found if line.drifted}
    return (0 if True in places else 1 if places else 2), -max(line.ratio for line in overall)


def _row(
    feature: Feature,
    lines: Sequence[DriftLine],
    course: list[tuple[int, float]],
    tag: str,
    findings: Sequence[str],
    words: Sequence[tuple[str, str]],
    full: bool,
) -> FeatureRow:
    chart = distribution(feature) if full else None
    # Lines are sorted: all rows before slices, drifted ones first in each.
    whole = next((line for line in lines if not line.where), None)
    in_slice = next((line for line in lines if line.where and line.drifted), None)
    worst = in_slice if in_slice is not None and not (whole and whole.drifted) else whole
    drifted_in = "" if not (worst and worst.drifted) else "slices" if worst.where else "all rows"
    # All overall measures, and of the slices those that are furthest out.
    shown = [line for line in lines if not line.where] + [line for line in lines if line.where][:MOST_SLICES]
    return FeatureRow(
        feature.name,
        tag,
        feature.kind,
        bool(drifted_in),
        drifted_in,
        worst,
        tuple(shown),
        len(lines) - len(shown),
        _figures(feature),
        tuple(findings),
        tuple(words),
        small.mini(feature),
        small.course(course, feature.name),
        svg(chart, f"{feature.name}: distribution in train and eval; the table beside it has the figures")
        if chart
        else None,
        small.course(course, feature.name, wide=True) if full else None,
    )


def _words(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what is raised or lowered, by which words, the strongest first)."""
    return [
        (f"{effect} {score['of']}", ", ".join(score[side]))
        for score in row["scores"]
        for side, effect in (("up", "for"), ("down", "against"))
        if score[side]
    ]


def _figures(feature: Feature) -> tuple[tuple[str, str, str], ...]:
    """(name, in train, in eval)."""
    sides = [feature.sides.get("train"), feature.sides.get("eval")]
    missing = [percent(side.missing) if side else "" for side in sides]
    rows = [("missing", missing[0], missing[1])]
    for name in dict.fromkeys(name for side in sides if side for name in side.figures):
        told = [_told(name, side.figures[name]) if side and name in side.figures else "" for side in sides]
        rows.append((name, told[0], told[1]))
    return tuple(rows) if feature.sides else ()


def _told(name: str, value: float | str) -> str:
    if name in ("zeros", "its share") and not isinstance(value, str):
        return percent(value)
    return _short(value)


def _short(value: Any) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}"
    return number(value)


def _courses(past: Sequence[Past]) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """(feature, measure) -> (span, distance / threshold), by span."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for run in past:
        for row in run.drift:
            ratio = ratio_of(float(row["distance"]), row["threshold"])
            found.setdefault((row["feature"], row["measure"]), []).append((run.span, ratio))
    return found


def _tags(facts: Facts) -> Any:
    """What a column is besides a feature: the label, an id, or unused."""
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
        if name.startswith("("):  # (rows), (columns): about more than one column
            return ""
        return "not used" if names and name not in names else ""

    return tag
