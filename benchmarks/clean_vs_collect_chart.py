"""Figure of clean_vs_collect: learning curves with clean and noisy labels, and the gain by number of checked labels."""

from typing import Any

from benchmarks.charts import styled, titled

_LABELS = {
    "clean": ("clean labels", "#000000", [1, 0]),
    "uniform": ("12 % wrong, uniform", "#0072b2", [6, 3]),
    "class": ("12 % wrong, by class", "#d55e00", [2, 2]),
}
"""Labels -> name, colour and dashes. Okabe and Ito's blue and vermilion; the dashes tell them apart without colour."""
_CHECKED = 120
_BASE = 500


def draw(result: dict[str, Any]) -> Any:
    """An Altair chart of what clean_vs_collect.study returned."""
    import altair as alt

    names = [name for name, _, _ in _LABELS.values()]
    colors = alt.Scale(domain=names, range=[color for _, color, _ in _LABELS.values()])
    dashes = alt.Scale(domain=names, range=[dash for _, _, dash in _LABELS.values()])
    legend = alt.Legend(
        title=None, symbolType="stroke", symbolSize=900, symbolStrokeWidth=2, symbolOpacity=1, labelLimit=260
    )
    sizes = sorted({row["rows"] for row in result["curves"]})

    def panel(data: str, model: str, title: str, x_title: str | None) -> Any:
        rows = [
            {**row, "name": _LABELS[row["labels"]][0]}
            for row in result["curves"]
            if (row["data"], row["model"]) == (data, model)
        ]
        level = {row["labels"]: row["mean"] for row in rows if row["rows"] == _BASE}
        points = [
            {"name": _LABELS[gain["noise"]][0], "rows": _BASE, "mean": level[gain["noise"]] + gain["mean"]}
            for gain in result["gains"]
            if (gain["data"], gain["model"], gain["arm"]) == (data, model, f"audit-{_CHECKED}")
        ]
        x = alt.X(
            "rows:Q",
            scale=alt.Scale(type="log", nice=False, padding=8),
            axis=alt.Axis(values=sizes, format="d", title=x_title, labels=x_title is not None),
        )
        y_scale = alt.Scale(zero=False)
        color = alt.Color("name:N", scale=colors, legend=legend)
        base = alt.Chart(alt.Data(values=rows))
        bands = base.mark_area(opacity=0.13).encode(
            x=x, y=alt.Y("low:Q", scale=y_scale, title=f"test {result['metric'][data]}, %"), y2="high:Q", color=color
        )
        lines = base.mark_line(strokeWidth=2).encode(
            x=x,
            y=alt.Y("mean:Q", scale=y_scale),
            color=color,
            strokeDash=alt.StrokeDash("name:N", scale=dashes, legend=legend),
        )
        marks = alt.Chart(alt.Data(values=points)).mark_point(shape="diamond", size=80, filled=True, opacity=1)
        return (bands + lines + marks.encode(x=x, y=alt.Y("mean:Q", scale=y_scale), color=color)).properties(
            width=250, height=160, title=title
        )

    sources = list(dict.fromkeys(row["data"] for row in result["curves"]))
    models = list(dict.fromkeys(row["model"] for row in result["curves"]))
    grid = [
        alt.hconcat(*(panel(data, model, f"{data}, {model}", "examples" if model == models[-1] else None)
                      for data in sources), spacing=20)
        for model in models
    ]  # fmt: skip
    chart = titled(
        alt.vconcat(*grid, spacing=10),
        f"Clean or collect: test metric by examples, means over {result['seeds']} seeds",
        [
            "Bands: 95 % intervals. From the dashed line at 500: cleaning goes up to the black one, collecting",
            f"along to 1,000. Diamonds: of the 500, the {_CHECKED} most doubted by the audit are checked.",
        ],
    )
    return styled(chart, orient="bottom")
