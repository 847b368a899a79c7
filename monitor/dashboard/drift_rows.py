"""The rows of the drift table: a strip for each column or score, and behind it its largest effect with thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from monitor.dashboard.chart import Chart, Dot, Line, draw
from monitor.dashboard.formatting import figure, kind_name, measure_name, sentence
from monitor.dashboard.history import History, Opening
from monitor.dashboard.series import ORDER, Series, series_of, severity, worst_of
from monitor.dashboard.strip import Cell, draw_strip
from monitor.dashboard.window_axis import axis_labels, tip_head, version_changes
from monitor.measurement import Level, Measurement

GROUPS = (
    ("Features", ("skew", "missing", "unknown", "out_of_range")),
    ("Features against earlier windows", ("drift",)),
    ("Predictions", ("prediction_drift", "transform_skew")),
    ("Labels, and their relation to the inputs", ("concept_drift", "prior_shift")),
)
"""Heading -> kinds of measurement of its rows."""
MAX_ROWS = 40
"""Rows of a group that are drawn; the others are counted."""
MAX_LINES = 8


@dataclass(frozen=True)
class StreamLine:
    """One stream of a subject in the newest window, as texts; `opening` says from which effect it opens an alarm."""

    what: str
    where: str
    effect: str
    moderate: str
    severe: str
    level: Level
    detail: str
    opening: str
    alarmed: bool


@dataclass(frozen=True)
class DriftRow:
    """One subject: a column, a score or a label.

    Attributes:
      subject: Its name, from data.
      level: Severity in the newest window; "" if it has no value there.
      effect: Effect in the newest window with its threshold, as a text.
      strip: Severity over windows.
      chart: Effect of the stream with the largest severity, with its thresholds.
      caption: What the chart shows.
      lines: Streams in the newest window, the most severe first.
      weight: Importance to the model, or "".
      alarmed: Whether one of its streams is in alarm.
    """

    subject: str
    level: Level | Literal[""]
    effect: str
    strip: Markup
    chart: Markup
    caption: str
    lines: Sequence[StreamLine]
    weight: str
    alarmed: bool


@dataclass(frozen=True)
class DriftGroup:
    """Rows of related subjects, the most severe first; `others` are counted and not drawn."""

    title: str
    rows: Sequence[DriftRow]
    others: int


def drift_groups(history: History) -> list[DriftGroup]:
    """Returns the groups that have a measurement."""
    groups = []
    for title, kinds in GROUPS:
        by_subject: dict[str, list[Series]] = {}
        for series in series_of(history, kinds).values():
            by_subject.setdefault(series.last.subject, []).append(series)
        order = sorted(by_subject, key=lambda subject: (*min(map(_order, by_subject[subject])), subject))
        rows = [_row(history, subject, by_subject[subject]) for subject in order[:MAX_ROWS]]
        if rows:
            groups.append(DriftGroup(title, rows, len(order) - len(rows)))
    return groups


def _order(series: Series) -> tuple[int, float]:
    """The most severe first: by the largest level, then by the severity weighted by the importance to the model."""
    return -max(ORDER[one.level] for one in series.points if one is not None), -series.worst


def _row(history: History, subject: str, found: Sequence[Series]) -> DriftRow:
    windows = history.windows
    by_window = [
        worst_of(one for series in found if (one := series.points[place]) is not None) for place in range(len(windows))
    ]
    cells = [
        None if one is None else Cell(severity(one), one.level, f"{tip_head(windows[place])}: {_said(one)}")
        for place, one in enumerate(by_window)
    ]
    newest = by_window[-1]
    chosen = min(found, key=lambda series: (_order(series)[0], bool(series.last.slice), -series.worst))
    last = [one for series in found if (one := series.points[-1]) is not None]
    last.sort(key=lambda one: (-ORDER[one.level], -severity(one)))
    weights = [one.last.weight for one in found if one.last.weight < 1]
    return DriftRow(
        subject,
        newest.level if newest and newest.value is not None else "",
        _against(newest) if newest else "no value",
        draw_strip(cells, _told(subject, by_window)),
        _chart(history, chosen),
        _name(chosen.last),
        [_line(one, history.openings.get(one.stream)) for one in last[:MAX_LINES]],
        f"{max(weights):.2f}" if weights else "",
        any(opening.alarmed for series in found if (opening := history.openings.get(series.last.stream)) is not None),
    )


def _chart(history: History, series: Series) -> Markup:
    points, windows = series.points, history.windows
    dots = [
        Dot(place, one.effect, one.level)
        for place, one in enumerate(points)
        if one is not None and one.value is not None and one.level != "negligible"
    ]
    chart = Chart(
        axis_labels(windows),
        lines=[Line([one.effect if one is not None and one.value is not None else None for one in points])],
        dots=dots,
        limits=[
            Line([one.moderate if one else None for one in points], "moderate"),
            Line([one.severe if one else None for one in points], "severe"),
        ],
        rules=version_changes(windows),
        from_zero=True,
    )
    tips = ["" if one is None else f"{tip_head(windows[place])}: {_said(one)}" for place, one in enumerate(points)]
    last = series.last
    return draw(chart, f"{last.subject}: {_name(last)} by window, now {_against(last)}", tips)


def _told(subject: str, points: Sequence[Measurement | None]) -> str:
    counts = {level: sum(one is not None and one.level == level for one in points) for level in ORDER}
    return (
        f"{subject}: severity in {sum(counts.values())} windows, {counts['severe']} severe, "
        f"{counts['moderate']} moderate"
    )


def _name(one: Measurement) -> str:
    slice_ = f", {one.slice}" if one.slice else ""
    kind = kind_name(one.kind)
    measure = measure_name(one.measure)
    return f"{kind[:1].upper()}{kind[1:]}{'' if measure in ('', kind) else f' ({measure})'}{slice_}"


def _said(one: Measurement) -> str:
    if one.value is None:
        return f"{_name(one)}: no value. {sentence(one.detail)}".strip()
    return f"{_name(one)}: {_against(one)}, {one.level}. {sentence(one.detail)}".strip()


def _against(one: Measurement) -> str:
    if one.value is None:
        return "no value"
    limit = one.severe if one.level == "severe" else one.moderate
    return f"{figure(one.effect)} of {figure(limit)}"


def _line(one: Measurement, opening: Opening | None) -> StreamLine:
    return StreamLine(
        _name(one).removesuffix(f", {one.slice}") if one.slice else _name(one),
        one.slice,
        figure(one.effect) if one.value is not None else "no value",
        figure(one.moderate),
        figure(one.severe),
        one.level,
        one.detail,
        f"Alarm: {opening.why or f'from {figure(opening.threshold)}'}" if opening else "",
        opening is not None and opening.alarmed,
    )
