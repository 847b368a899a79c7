"""Charts of the metrics: estimated before the labels, measured with them, against the evaluation of the version."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from components.shared.statistics.metric_names import LOWER_IS_BETTER, METRIC_NAMES, UNBOUNDED
from monitor.dashboard.chart import Band, Chart, Dot, Line, draw
from monitor.dashboard.formatting import figure, metric_name, percent, sentence
from monitor.dashboard.history import History
from monitor.dashboard.series import Series, series_of
from monitor.dashboard.window_axis import axis_labels, tip_head, version_changes
from monitor.measurement import Level, Measurement

MAX_METRICS = 6


@dataclass(frozen=True)
class PerformanceChart:
    """A metric over windows.

    Attributes:
      title: Name of the metric.
      chart: The chart.
      level: Severity of the newest value.
      latest: The newest values, as a sentence.
      abstained: Number of windows in which the estimate abstained, and the reason of the last one; "" for none.
    """

    title: str
    chart: Markup
    level: Level
    latest: str
    abstained: str


def performance_charts(history: History) -> list[PerformanceChart]:
    """Returns a chart for each metric that was estimated or measured on all rows."""
    estimated = _by_metric(series_of(history, ["estimated_performance"], slices=False))
    measured = _by_metric(series_of(history, ["performance"], slices=False))
    order = [*METRIC_NAMES, *sorted({*estimated, *measured} - set(METRIC_NAMES))]
    names = [name for name in order if name in estimated or name in measured]
    return [_chart(history, name, estimated.get(name), measured.get(name)) for name in names[:MAX_METRICS]]


def _by_metric(found: dict[str, Series]) -> dict[str, Series]:
    """The series of each metric; of several estimators the one with the most values."""
    chosen: dict[str, Series] = {}
    for series in found.values():
        name = series.last.subject
        if name not in chosen or _known(series) > _known(chosen[name]):
            chosen[name] = series
    return chosen


def _known(series: Series) -> int:
    return sum(one is not None and one.value is not None for one in series.points)


def _chart(history: History, name: str, estimated: Series | None, measured: Series | None) -> PerformanceChart:
    windows = history.windows
    nothing: list[Measurement | None] = [None] * len(windows)
    guessed = list(estimated.points) if estimated else nothing
    real = list(measured.points) if measured else nothing
    some = [one or other for one, other in zip(real, guessed, strict=True)]
    limits = [_limits(one, name, unit) for one, unit in zip(some, _unit(some, name), strict=True)]
    dots = [
        Dot(place, one.value, "mature" if windows[place].state == "mature" else "preliminary", one.low, one.high)
        for place, one in enumerate(real)
        if one is not None and one.value is not None
    ]
    chart = Chart(
        axis_labels(windows),
        lines=[Line([one.value if one else None for one in guessed], "estimate")],
        bands=[
            Band(
                [
                    (one.low, one.high)
                    if one and one.value is not None and one.low is not None and one.high is not None
                    else None
                    for one in guessed
                ],
                "estimate",
            )
        ],
        dots=dots,
        limits=[
            Line([one[0] for one in limits], "reference"),
            Line([one[1] for one in limits], "moderate"),
            Line([one[2] for one in limits], "severe"),
        ],
        rules=version_changes(windows),
        bounds=(0.0, None if name in UNBOUNDED else 1.0),
    )
    tips = [
        f"{tip_head(window)}{_of('; estimated', guessed[place])}{_of(f'; {_maturity(window.state)}', real[place])}"
        f"; {percent(window.labelled / window.rows if window.rows else None)} labelled"
        for place, window in enumerate(windows)
    ]
    newest = next((one for one in reversed(some) if one is not None), None)
    latest = _latest(history, guessed, real)
    title = metric_name(name)
    return PerformanceChart(
        title,
        draw(chart, f"{title} by window. {latest}", tips),
        newest.level if newest else "negligible",
        latest,
        _abstained(guessed),
    )


def _unit(found: Sequence[Measurement | None], name: str) -> list[float | None]:
    """Returns the unit of each effect: 1 for absolute differences, |reference| for relative ones, None if unknown.

    Value, reference and effect of all windows together tell which of the two it is; a window without a loss fits both.
    """
    sign = 1.0 if name in LOWER_IS_BETTER else -1.0
    known = [one for one in found if one is not None and one.value is not None and one.reference_value is not None]

    def fits(relative: bool) -> bool:
        for one in known:
            reference = one.reference_value or 0.0
            worse = max(0.0, sign * ((one.value or 0.0) - reference))
            unit = abs(reference) if relative else 1.0
            if not unit or not math.isclose(one.effect, worse / unit, rel_tol=1e-3, abs_tol=1e-9):
                return False
        return bool(known)

    for relative in (False, True):
        if fits(relative):
            return [
                None if one is None or one.reference_value is None else abs(one.reference_value) if relative else 1.0
                for one in found
            ]
    return [None] * len(found)


def _limits(one: Measurement | None, name: str, unit: float | None) -> tuple[float | None, float | None, float | None]:
    """Reference, and the values from which the effect is moderate and severe; None where they are unknown."""
    if one is None or one.reference_value is None:
        return None, None, None
    if unit is None:
        return one.reference_value, None, None
    sign = 1.0 if name in LOWER_IS_BETTER else -1.0
    reference = one.reference_value
    return reference, reference + sign * one.moderate * unit, reference + sign * one.severe * unit


def _of(what: str, one: Measurement | None) -> str:
    if one is None:
        return ""
    if one.value is None:
        return f"{what}: abstains. {sentence(one.detail)}"
    return f"{what} {_with_interval(one)}"


def _with_interval(one: Measurement) -> str:
    interval = "" if one.low is None or one.high is None else f" ({figure(one.low)} to {figure(one.high)})"
    return f"{figure(one.value)}{interval}"


def _maturity(state: str) -> str:
    return "measured" if state == "mature" else "measured, preliminary:"


def _latest(history: History, guessed: Sequence[Measurement | None], real: Sequence[Measurement | None]) -> str:
    parts = []
    place = next((place for place in range(len(real) - 1, -1, -1) if guessed[place] is not None), None)
    if place is not None and (one := guessed[place]) is not None:
        number = history.windows[place].number
        said = f"Estimated {_with_interval(one)}" if one.value is not None else "The estimate abstains"
        parts.append(f"{said} in window {number}.")
    mature = [
        place
        for place, one in enumerate(real)
        if one is not None and one.value is not None and history.windows[place].state == "mature"
    ]
    if mature and (one := real[mature[-1]]) is not None:
        parts.append(f"Measured {_with_interval(one)} in window {history.windows[mature[-1]].number}, the last mature.")
    reference = next((one.reference_value for one in (*reversed(real), *reversed(guessed)) if one), None)
    if reference is not None:
        parts.append(f"Reference {figure(reference)}.")
    return " ".join(parts)


def _abstained(guessed: Sequence[Measurement | None]) -> str:
    found = [one for one in guessed if one is not None and one.value is None]
    if not found:
        return ""
    windows = "1 window" if len(found) == 1 else f"{len(found)} windows"
    return f"The estimate abstains in {windows}. {sentence(found[-1].detail)}".strip()
