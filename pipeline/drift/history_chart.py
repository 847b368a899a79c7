"""Drift history as a chart: a line chart of the label above a heat map of all features."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.errors import UsageError
from components.shared.files import write_bytes
from pipeline.drift.history import DriftHistory, DriftTrend, plain

if TYPE_CHECKING:
    import altair

MAX_FEATURES = 40
"""Maximum number of rows of the heat map, the features that drifted most."""
MAX_SPANS = 60
"""Maximum number of columns, the newest spans."""

_LEVELS = {
    "up to half": ("#eef1f5", 0.5),
    "up to the threshold": ("#cbd5e1", 1.0),
    "up to twice": ("#fdc47e", 2.0),
    "up to four times": ("#ee7b23", 4.0),
    "more": ("#9a3412", math.inf),
    "no threshold": ("#f8fafc", math.nan),
}
"""Level -> colour, and the largest ratio of distance to threshold. Lightness decreases monotonically, so that levels
can be distinguished without colour vision and in greyscale print."""
_INK, _SOFT, _LINE, _ALARM = "#1e293b", "#64748b", "#94a3b8", "#c2410c"
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"  # metric-compatible fonts, one of which every system has
_ROW = 22  # height of a row in pixels
_FIGURE = 34  # minimum width of a column in pixels for figures above the points of the label
_ROOMY = 44  # minimum width of a column in pixels for figures in the cells


def draw(history: DriftHistory) -> altair.VConcatChart:
    """Builds the chart.

    The heat map has a row for the main measure of each feature and a column for each span. The colour is the ratio of
    distance to threshold. Drift is outlined; under the rule "calibrated" it also requires significance.

    Raises:
      UsageError: No run has reached the drift check yet.
    """
    import altair as alt

    if not history.compared:
        raise UsageError(f"{history.dataset}: nothing to draw, because no run has reached the drift check")
    first = max(0, len(history.compared) - MAX_SPANS)
    names = [one.name for one in history.compared[first:]]
    trends = history.main[:MAX_FEATURES]
    step = max(14, min(_ROOMY + 8, 720 // len(names)))
    x = alt.X(
        "span:O",
        sort=names,
        scale=alt.Scale(domain=names),
        axis=alt.Axis(title=history.unit.capitalize(), labelAngle=0, labelOverlap=True, orient="bottom"),
    )
    parts: list[Any] = []
    labels = [trend for trend in trends if trend.role == "label"]
    if labels:
        parts.append(
            _label_lines(alt, history, labels[0], first, x, step).properties(width=step * len(names), height=110)
        )
    parts.append(
        _heat_map(alt, history, trends, first, x, step).properties(width=step * len(names), height=_ROW * len(trends))
    )
    subtitle = [
        f"Distance of each {history.unit} from its baseline, coloured by the ratio to the threshold; drift is outlined."
    ]
    if len(history.main) > len(trends):
        subtitle.append(f"The {len(trends)} most drifted of {len(history.main)} features.")
    if first:
        subtitle.append(f"The last {len(names)} of {len(history.compared)} {history.unit}s.")
    head, *rest = history.finding().split("; ")
    title = alt.TitleParams(
        f"{plain(history.dataset)}: {head[0].lower()}{head[1:]}",
        subtitle=[*rest, *subtitle],
        anchor="start",
        offset=18,
        fontSize=17,
        color=_INK,
        subtitleFontSize=12,
        subtitleColor=_SOFT,
        subtitlePadding=6,
        subtitleLineHeight=17,
    )
    chart: altair.VConcatChart = (
        alt.vconcat(*parts, spacing=14)
        .properties(title=title, padding=20, background="white")
        .configure(font=_FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_INK, labelFontSize=12, titleColor=_SOFT, titleFontSize=12, titleFontWeight="normal",
            domain=False, ticks=False, labelPadding=6, grid=False, labelLimit=220,
        )
        .configure_legend(
            labelColor=_INK, labelFontSize=12, titleColor=_SOFT, titleFontSize=12, titleFontWeight="normal"
        )
    )  # fmt: skip
    return chart


def chart_json(history: DriftHistory) -> dict[str, Any]:
    """Returns the chart as a Vega-Lite specification with inline data.

    Raises:
      UsageError: No run has reached the drift check yet.
    """
    specification: dict[str, Any] = draw(history).to_dict()
    return specification


def save_chart(history: DriftHistory, path: Path) -> None:
    """Writes the chart to a file, atomically.

    Args:
      history: History with at least one comparison.
      path: Path ending in .svg or .png. PNG has a scale of two pixels per point.

    Raises:
      UsageError: The suffix is not supported, the file cannot be written, or there is nothing to draw.
    """
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".png"):
        raise UsageError(f"{path}: unsupported chart format; use a file name ending in .svg or .png")
    specification = chart_json(history)
    import vl_convert

    # Disallow all URLs: the data are inline, and rendering must not access the network.
    if suffix == ".svg":
        content = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[]).encode("utf-8")
    else:
        content = vl_convert.vegalite_to_png(specification, scale=2, allowed_base_urls=[])
    try:
        write_bytes(path, content)
    except OSError as exc:
        raise UsageError(f"{path}: the chart cannot be written ({exc.strerror})") from exc


def _label_lines(alt: Any, history: DriftHistory, trend: DriftTrend, first: int, x: Any, step: int) -> Any:
    """Line chart of the label's distance; a horizontal tick at each span is the threshold."""
    base = alt.Chart(alt.Data(values=_cells(history, [trend], first)))
    y = alt.Y(
        "distance:Q",
        scale=alt.Scale(zero=True, nice=True),
        axis=alt.Axis(title=["Prior shift:", _row_name(trend)], tickCount=3, grid=True, gridColor="#e2e8f0"),
    )
    x = x.copy()
    x.axis = None
    tooltip = _tooltip(alt, history)
    figures = base.transform_filter("datum.drifted").encode(x=x, y=y, text=alt.Text("distance:Q", format=".3f"))
    layers = [
        base.mark_tick(color=_ALARM, opacity=0.75, thickness=1.5, width=step, orient="horizontal").encode(
            x=x, y="threshold:Q"
        ),
        base.mark_line(color=_LINE, strokeWidth=2).encode(x=x, y=y),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=x,
            y=y,
            color=alt.condition("datum.drifted", alt.value(_ALARM), alt.value(_LINE)),
            tooltip=tooltip,
        ),
    ]
    if step >= _FIGURE:
        layers += [
            figures.mark_text(
                dy=-13, fontSize=11, fontWeight="bold", stroke="white", strokeWidth=4
            ),  # halo on the line
            figures.mark_text(dy=-13, fontSize=11, fontWeight="bold", color=_ALARM),
        ]
    return alt.layer(*layers)


def _heat_map(alt: Any, history: DriftHistory, trends: tuple[DriftTrend, ...], first: int, x: Any, step: int) -> Any:
    cells = _cells(history, trends, first)
    levels = [level for level in _LEVELS if level != "no threshold" or any(cell["level"] == level for cell in cells)]
    base = alt.Chart(alt.Data(values=cells)).encode(
        x=x,
        y=alt.Y("feature:N", sort=[_row_name(trend) for trend in trends], axis=alt.Axis(title=None)),
    )
    colour = alt.Color(
        "level:N",
        scale=alt.Scale(domain=levels, range=[_LEVELS[level][0] for level in levels]),
        legend=alt.Legend(title="Distance / threshold", symbolType="square", symbolSize=180, symbolStrokeWidth=0),
    )
    tooltip = _tooltip(alt, history)
    layers = [
        base.mark_rect(stroke="white", strokeWidth=2).encode(color=colour, tooltip=tooltip),
        base.transform_filter("datum.drifted").mark_rect(
            filled=False, stroke=_INK, strokeWidth=1.8, tooltip=False
        ),
    ]  # fmt: skip
    if step >= _ROOMY:
        layers.append(
            base.mark_text(fontSize=11).encode(
                text=alt.Text("distance:Q", format=".3f"),
                color=alt.condition("datum.level == 'more'", alt.value("white"), alt.value(_INK)),
                tooltip=tooltip,
            )
        )
    return alt.layer(*layers)


def _tooltip(alt: Any, history: DriftHistory) -> list[Any]:
    return [
        alt.Tooltip("feature:N", title="Feature"),
        alt.Tooltip("span:O", title=history.unit.capitalize()),
        alt.Tooltip("measure:N", title="Measure"),
        alt.Tooltip("distance:Q", title="Distance", format=".4f"),
        alt.Tooltip("threshold:Q", title="Threshold", format=".4f"),
        alt.Tooltip("drifted:N", title="Drifted"),
        alt.Tooltip("detail:N", title="Change"),
        alt.Tooltip("run:N", title="Run"),
    ]


def _cells(
    history: DriftHistory, trends: list[DriftTrend] | tuple[DriftTrend, ...], first: int
) -> list[dict[str, Any]]:
    return [
        {
            "feature": _row_name(trend),
            "span": one.name,
            "run": one.run_id,
            "measure": row.measure.replace("_", " "),
            "distance": row.distance,
            "threshold": row.threshold,
            "drifted": row.drifted,
            "detail": plain(row.detail),
            "level": "no threshold"
            if row.threshold is None
            else next(level for level, (_, most) in _LEVELS.items() if row.times <= most),
        }
        for trend in trends
        for one, row in list(zip(history.compared, trend.rows, strict=True))[first:]
        if row is not None
    ]


def _row_name(trend: DriftTrend) -> str:
    return plain(trend.feature) + (" (label)" if trend.role == "label" else "")
