"""A chart of values over windows as inline SVG: lines, bands, points with intervals, stacked areas, thresholds.

Drawn in Python and not by Vega (as the charts of a run's report are), since a server renders the page for each reader.
Colours are classes of the page's style sheet. The SVG has no style attribute, which the page's policy would refuse.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from components.shared.texts.svg import framed, svg_text

WIDTH, HEIGHT = 340, 168
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 14, 22
Value = float | None


@dataclass(frozen=True)
class Line:
    """A line: one value for each window, None for a gap; `style` is its CSS class."""

    values: Sequence[Value]
    style: str = "one"


@dataclass(frozen=True)
class Band:
    """An interval for each window: (low, high), None for a gap."""

    ends: Sequence[tuple[float, float] | None]
    style: str = "one"


@dataclass(frozen=True)
class Dot:
    """A point at a window, with an interval if it has one; `style` is its CSS class."""

    place: int
    value: float
    style: str = ""
    low: Value = None
    high: Value = None


@dataclass(frozen=True)
class Chart:
    """A chart over windows.

    Attributes:
      labels: Text of each window for the axis.
      lines: Lines.
      bands: Bands, drawn below the lines.
      dots: Points.
      stacks: Stacked areas, the first at the bottom; no None.
      limits: Thresholds, as lines: "moderate", "severe", "reference", "margin".
      rules: (window, text) of vertical lines: a version became live.
      shown: Formats values of the axis; None for plain numbers.
      bounds: Range that the axis does not leave, such as (0, 1); None for an open end.
      from_zero: Whether the axis begins at 0.
      most: Largest value that stretches the axis; larger ones are cut.
      reach: Value that the axis reaches at least.
    """

    labels: Sequence[str]
    lines: Sequence[Line] = ()
    bands: Sequence[Band] = ()
    dots: Sequence[Dot] = ()
    stacks: Sequence[Line] = ()
    limits: Sequence[Line] = ()
    rules: Sequence[tuple[int, str]] = ()
    shown: Callable[[float], str] | None = None
    bounds: tuple[Value, Value] = (None, None)
    from_zero: bool = False
    most: float = math.inf
    reach: float = -math.inf


def draw(chart: Chart, title: str, tips: Sequence[str]) -> Markup:
    """Draws a chart.

    Args:
      chart: The chart.
      title: Text alternative: what it shows, and the newest values.
      tips: Text for each window, shown as a tooltip.
    """
    axis = _Axis(chart)
    parts = [_grid(chart, axis)]
    parts += [_rule(axis, place, text) for place, text in chart.rules]
    parts += _stacked(chart.stacks, axis)
    parts += [_band(band, axis) for band in chart.bands]
    parts += [_path(line, axis, "limit") for line in chart.limits]
    parts += [_path(line, axis, "line") for line in chart.lines]
    parts += [_dot(dot, axis) for dot in chart.dots]
    parts.append(_tips(tips, axis))
    return framed("".join(parts), WIDTH, HEIGHT, title, "chart")


class _Axis:
    """Places of windows and values."""

    def __init__(self, chart: Chart) -> None:
        self.windows = max(1, len(chart.labels))
        self.low, self.high = _range(chart)
        self.step = _tick_step(self.high - self.low)

    def x(self, place: float) -> float:
        inside = WIDTH - LEFT - RIGHT
        return LEFT + inside * (place + 0.5) / self.windows

    def y(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
        return [place * self.step for place in range(first, last + 1)]

    def plain(self, value: float) -> str:
        """A tick with the decimals that its distance to the next one needs."""
        return f"{value:,.{max(0, -math.floor(math.log10(self.step) + 1e-9))}f}".replace("-", "\N{MINUS SIGN}")


def _range(chart: Chart) -> tuple[float, float]:
    values = [
        *(value for line in (*chart.lines, *chart.limits) for value in line.values),
        *(end for band in chart.bands for ends in band.ends if ends for end in ends),
        *(end for dot in chart.dots for end in (dot.value, dot.low, dot.high)),
    ]
    if chart.stacks:
        values += [sum(line.values[place] or 0.0 for line in chart.stacks) for place in range(len(chart.labels))]
    finite = [value for value in values if value is not None and math.isfinite(value)] or [0.0, 1.0]
    finite = [min(max(value, -chart.most), chart.most) for value in finite]
    low, high = min(finite), max(*finite, chart.reach)
    if chart.from_zero or chart.stacks:
        low = min(0.0, low)
    if high - low < 1e-12:
        low, high = (low - abs(low) * 0.1 - 1e-6, high + abs(high) * 0.1 + 1e-6) if low else (0.0, 1.0)
    else:
        room = (high - low) * 0.06
        low, high = (low if low == 0 else low - room), high + room
    bottom, top = chart.bounds
    return (low if bottom is None else max(low, bottom)), (high if top is None else min(high, top))


def _tick_step(span: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that gives at least three ticks."""
    power = 10.0 ** math.floor(math.log10(span))
    return next(step for step in (5 * power, 2 * power, power, power / 2, power / 5) if span / step >= 2.9)


def _grid(chart: Chart, axis: _Axis) -> str:
    found = []
    for tick in axis.ticks():
        y = axis.y(tick)
        label = svg_text((chart.shown or axis.plain)(0.0 if abs(tick) < axis.step * 1e-6 else tick))
        found.append(
            f'<path class="grid" d="M{LEFT},{y:.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{label}</text>'
        )
    for place in _label_places(axis.windows):
        if place < len(chart.labels):
            anchor = "start" if place == 0 else "end" if place == axis.windows - 1 else "middle"
            x = LEFT if place == 0 else WIDTH - RIGHT if place == axis.windows - 1 else axis.x(place)
            found.append(
                f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{svg_text(chart.labels[place])}</text>'
            )
    return "".join(found)


def _label_places(windows: int) -> list[int]:
    return sorted({0, (windows - 1) // 2, windows - 1}) if windows > 2 else [0, windows - 1][:windows]


def _runs(values: Sequence[object | None]) -> list[list[int]]:
    """Places of consecutive values that are not None."""
    runs: list[list[int]] = []
    for place, value in enumerate(values):
        if value is None:
            continue
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _path(line: Line, axis: _Axis, kind: str) -> str:
    found = []
    for run in _runs(line.values):
        points = [(axis.x(place), axis.y(line.values[place] or 0.0)) for place in run]
        if kind == "limit":  # as wide as the window, so that a change of the threshold shows where it is in effect
            half = (WIDTH - LEFT - RIGHT) / axis.windows / 2
            points = [(x + side, y) for x, y in points for side in (-half, half)]
        elif len(points) == 1:
            found.append(f"M{points[0][0] - 1.5:.1f},{points[0][1]:.1f}h3")
            continue
        found.append("M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points))
    return f'<path class="{kind} {line.style}" d="{"".join(found)}"/>' if found else ""


def _band(band: Band, axis: _Axis) -> str:
    found = []
    half = (WIDTH - LEFT - RIGHT) / axis.windows / 2
    for run in _runs(band.ends):
        ends = [(axis.x(place), *(band.ends[place] or (0.0, 0.0))) for place in run]
        if len(ends) == 1:
            x, low, high = ends[0]
            ends = [(x - half, low, high), (x + half, low, high)]
        there = "L".join(f"{x:.1f},{axis.y(high):.1f}" for x, _, high in ends)
        back = "L".join(f"{x:.1f},{axis.y(low):.1f}" for x, low, _ in reversed(ends))
        found.append(f"M{there}L{back}Z")
    return f'<path class="band {band.style}" d="{"".join(found)}"/>' if found else ""


def _stacked(stacks: Sequence[Line], axis: _Axis) -> list[str]:
    """Bars, one for each window and line, as one path for each line."""
    found, base = [], [0.0] * axis.windows
    wide = (WIDTH - LEFT - RIGHT) / axis.windows
    gap = 0.8 if wide > 3 else 0.0
    for line in stacks:
        bars = []
        for place, value in enumerate(line.values):
            if not value:
                continue
            low, high = axis.y(base[place]), axis.y(base[place] + value)
            base[place] += value
            bars.append(
                f"M{axis.x(place) - wide / 2:.1f},{low:.1f}v{high - low:.1f}h{wide - gap:.1f}v{low - high:.1f}z"
            )
        if bars:
            found.append(f'<path class="stack {line.style}" d="{"".join(bars)}"/>')
    return found


def _dot(dot: Dot, axis: _Axis) -> str:
    x, y = axis.x(dot.place), axis.y(dot.value)
    interval = ""
    if dot.low is not None and dot.high is not None:
        interval = f'<path class="whisker {dot.style}" d="M{x:.1f},{axis.y(dot.low):.1f}V{axis.y(dot.high):.1f}"/>'
    size = 2.8 if axis.windows <= 70 else 2.0
    return f'{interval}<circle class="dot {dot.style}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/>'


def _rule(axis: _Axis, place: int, text: str) -> str:
    x = axis.x(place) - (WIDTH - LEFT - RIGHT) / axis.windows / 2
    return (
        f'<path class="rule" d="M{x:.1f},{TOP}V{HEIGHT - BOTTOM}"/>'
        f'<text x="{x:.1f}" y="{TOP - 4}" text-anchor="middle">{svg_text(text)}</text>'
    )


def _tips(tips: Sequence[str], axis: _Axis) -> str:
    wide = (WIDTH - LEFT - RIGHT) / axis.windows
    return "".join(
        f'<rect class="tip" x="{axis.x(place) - wide / 2:.1f}" y="{TOP}" width="{wide:.1f}" '
        f'height="{HEIGHT - TOP - BOTTOM}" data-tip="{svg_text(tip)}"/>'
        for place, tip in enumerate(tips)
        if tip
    )
