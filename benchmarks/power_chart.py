"""Figure of the power study: false alarms on top; below, detection by kind of shift (rows) and its size (columns)."""

from typing import Any

from benchmarks.charts import styled, titled

_STYLES = {
    "distance > 0.01": ("Chebyshev / KS > 0.01", "#0072b2", [1, 0]),
    "distance > 0.1": ("Chebyshev / KS > 0.1", "#0072b2", [6, 3]),
    "distance > 0.3": ("Chebyshev / KS > 0.3", "#0072b2", [2, 2]),
    "divergence > 0.01": ("TFDV's JSD > 0.01", "#d55e00", [1, 0]),
    "divergence > 0.1": ("TFDV's JSD > 0.1", "#d55e00", [6, 3]),
    "divergence > 0.3": ("TFDV's JSD > 0.3", "#d55e00", [2, 2]),
    "uncorrected": ("p-value at 0.01, uncorrected", "#8a8a8a", [1, 0]),
    "calibrated": ("calibrated (the default)", "#000000", [1, 0]),
}
"""Rule -> name, colour and dashes. Okabe and Ito's blue and vermilion: told apart with any colour vision, and the
dashes tell the thresholds apart without colour."""


def draw(result: dict[str, Any]) -> Any:
    """An Altair chart of what drift_power.study returned."""
    import altair as alt

    names = [name for name, _, _ in _STYLES.values()]
    legend = alt.Legend(title=None, symbolType="stroke", symbolSize=900, symbolStrokeWidth=2, labelLimit=260)
    colors = alt.Scale(domain=names, range=[color for _, color, _ in _STYLES.values()])
    dashes = alt.Scale(domain=names, range=[dash for _, _, dash in _STYLES.values()])
    width = alt.condition("datum.name == 'calibrated (the default)'", alt.value(3), alt.value(1.6))

    def panel(
        rows: list[dict[str, Any]], title: Any, y_title: Any, x_title: Any, size: tuple[int, int], key: Any = None
    ) -> Any:
        x = alt.X(
            "rows:Q",
            scale=alt.Scale(type="log", nice=False),
            axis=alt.Axis(
                values=[100, 1_000, 10_000],
                labelExpr="datum.value < 1000 ? '100' : datum.value / 1000 + 'k'",
                title=x_title,
                labels=x_title is not None,
            ),
        )
        y = alt.Y(
            "share:Q",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(values=[0, 0.5, 1], format="%", title=y_title, labels=y_title is not None),
        )
        lines = alt.Chart(alt.Data(values=rows)).mark_line(clip=False, opacity=0.9, strokeJoin="round")
        return lines.encode(
            x=x,
            y=y,
            color=alt.Color("name:N", scale=colors, legend=key),
            strokeDash=alt.StrokeDash("name:N", scale=dashes, legend=key),
            strokeWidth=width,
        ).properties(width=size[0], height=size[1], title=title)

    alarms = [
        {"name": _STYLES[row["rule"]][0], "rows": row["rows"], "share": row["families"]}
        for row in result["false_alarms"]
        if row["rule"] in _STYLES
    ]
    top = panel(
        alarms,
        f"False alarms: nothing moved, share of families of {result['features']} features with any report",
        "families",
        "rows of each side",
        (380, 170),
        legend,
    )
    columns = list(dict.fromkeys(row["column"] for row in result["detection"]))
    grid = []
    for column in columns:
        panels = []
        for shift in result["shifts"]:
            rows = [
                {"name": _STYLES[row["rule"]][0], "rows": row["rows"], "share": row["share"]}
                for row in result["detection"]
                if row["column"] == column and row["shift"] == shift and row["rule"] in _STYLES
            ]
            heading = f"moves by {shift:g}" if column == columns[0] else ""
            y_title = column.split(", ") if shift == result["shifts"][0] else None
            panels.append(panel(rows, heading, y_title, "rows" if column == columns[-1] else None, (150, 72)))
        grid.append(alt.hconcat(*panels, spacing=12))
    power = titled(
        alt.vconcat(*grid, spacing=8),
        "Detection: one of the 30 features moved, share of families in which it is reported",
        "A rule that alarms without cause detects everything: read each line with the one above.",
    )
    chart = alt.vconcat(top, power, spacing=22)
    chart = chart.resolve_scale(color="independent", strokeDash="independent")  # the key stands beside the upper panel
    return styled(chart, orient="right", rowPadding=5)
