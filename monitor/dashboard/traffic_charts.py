"""Charts of traffic: rows and shares of the versions, errors, latency, and the share of rows with a label."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from monitor.dashboard.chart import Chart, Line, draw
from monitor.dashboard.formatting import figure, kind_name, percent, seconds
from monitor.dashboard.history import History
from monitor.dashboard.series import Series, series_of
from monitor.dashboard.window_axis import axis_labels, main_version, tip_head, version_changes
from monitor.window import Window

STYLES = ("one", "two", "three", "four")
"""CSS classes of lines and areas that are told apart."""


@dataclass(frozen=True)
class Figure:
    """A chart with its heading; `key` holds (CSS class, text) of what is drawn in colours."""

    title: str
    chart: Markup
    key: Sequence[tuple[str, str]] = ()


def traffic_charts(history: History) -> list[Figure]:
    """Returns the charts of traffic, versions, errors, latency and labels."""
    found = [_rows(history), _shares(history), _labelled(history)]
    for kind, title in (("latency", "Latency"), ("errors", "Errors"), ("traffic", "Requests per second")):
        series = list(_by_subject(series_of(history, [kind], slices=False).values()))
        if series:
            found.insert(2 if kind == "latency" else len(found), _measured(history, kind, title, series))
    return found


def _by_subject(found: Iterable[Series]) -> Iterable[Series]:
    """One series of each subject: a value is the same whatever it was compared with, so the longest has all."""
    chosen: dict[str, Series] = {}
    for series in found:
        before = chosen.get(series.last.subject)
        if before is None or _values(series) > _values(before):
            chosen[series.last.subject] = series
    return chosen.values()


def _values(series: Series) -> int:
    return sum(one is not None for one in series.points)


def _versions(windows: Sequence[Window]) -> list[int]:
    """The four versions with the most rows, oldest first."""
    rows: dict[int, int] = {}
    for window in windows:
        for version, count in window.versions.items():
            rows[version] = rows.get(version, 0) + count
    return sorted(sorted(rows, key=lambda version: -rows[version])[: len(STYLES)])


def _style(version: int) -> str:
    """A version keeps its colour while the windows move on."""
    return STYLES[version % len(STYLES)]


def _rows(history: History) -> Figure:
    windows = history.windows
    versions = _versions(windows)
    chart = Chart(
        axis_labels(windows),
        stacks=[
            Line([float(window.versions.get(version, 0)) for window in windows], _style(version))
            for version in versions
        ],
        rules=version_changes(windows),
    )
    tips = [f"{tip_head(window)}, {window.requests:,} requests" for window in windows]
    last = windows[-1]
    title = f"Rows by window and version, {last.rows:,} in the last one"
    return Figure("Rows", draw(chart, title, tips), [(_style(one), f"version {one}") for one in versions])


def _shares(history: History) -> Figure:
    windows = history.windows
    versions = _versions(windows)

    def share(window: Window, version: int) -> float:
        return window.versions.get(version, 0) / window.rows if window.rows else 0.0

    chart = Chart(
        axis_labels(windows),
        stacks=[Line([share(window, version) for window in windows], _style(version)) for version in versions],
        rules=version_changes(windows),
        shown=_share,
        bounds=(0.0, 1.0),
    )
    tips = [
        f"{tip_head(window)}: "
        + ", ".join(f"version {version} {percent(share(window, version))}" for version in sorted(window.versions))
        for window in windows
    ]
    main = main_version(windows[-1])
    said = "" if main is None else f", version {main} {percent(share(windows[-1], main))} in the last window"
    return Figure(
        "Share of the versions",
        draw(chart, f"Share of the rows by version{said}", tips),
        [(_style(version), f"version {version}") for version in versions],
    )


def _labelled(history: History) -> Figure:
    windows = history.windows
    shares = [window.labelled / window.rows if window.rows else None for window in windows]
    mature = [share if windows[place].state == "mature" else None for place, share in enumerate(shares)]
    early = [share if windows[place].state != "mature" else None for place, share in enumerate(shares)]
    chart = Chart(
        axis_labels(windows),
        stacks=[
            Line([share or 0.0 for share in mature], "one"),
            Line([share or 0.0 for share in early], "pale"),
        ],
        shown=_share,
        bounds=(0.0, 1.0),
        from_zero=True,
    )
    tips = [
        f"{tip_head(window)}: {percent(shares[place])} labelled, "
        + ("mature" if window.state == "mature" else "labels are still expected")
        for place, window in enumerate(windows)
    ]
    count = sum(window.state == "mature" for window in windows)
    return Figure(
        "Rows with a label",
        draw(chart, f"Share of rows with a label; {count} of {len(windows)} windows are mature", tips),
        [("one", "mature window"), ("pale", "labels still expected")],
    )


def _measured(history: History, kind: str, title: str, series: Sequence[Series]) -> Figure:
    """Values of the streams of one kind; thresholds if there is one stream, since each has its own."""
    windows = history.windows
    series = sorted(series, key=lambda one: one.last.subject)[: len(STYLES)]
    unit = "s" if kind == "latency" else series[0].last.unit
    lines = [
        Line([one.value if one else None for one in found.points], STYLES[place]) for place, found in enumerate(series)
    ]
    chart = Chart(
        axis_labels(windows),
        lines=lines,
        rules=version_changes(windows),
        shown=seconds if unit == "s" else _share if kind == "errors" or unit == "%" else None,
        from_zero=True,
        reach=0.01 if kind == "errors" else -math.inf,
    )
    tips = [
        tip_head(window)
        + "".join(
            f"; {_name(kind, found)} {figure(one.value, unit)}"
            for found in series
            if (one := found.points[place]) is not None
        )
        for place, window in enumerate(windows)
    ]
    said = ", ".join(f"{_name(kind, found)} {figure(found.last.value, unit)}" for found in series)
    key = [(STYLES[place], _name(kind, found)) for place, found in enumerate(series)]
    return Figure(title, draw(chart, f"{title} by window: {said}", tips), key if len(series) > 1 else [])


def _name(kind: str, series: Series) -> str:
    subject = series.last.subject
    return kind_name(kind) if subject in ("", kind) else subject.replace("_", " ")


def _share(value: float) -> str:
    return f"{100 * value:.3g}%"
