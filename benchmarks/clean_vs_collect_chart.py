"""Clean or collect as a figure: learning curves of clean and noisy labels, and what checking some of 500 gains."""

from pathlib import Path
from typing import Any

from components.errors import UsageError
from components.files import write_bytes

_LABELS = {
    "clean": ("clean labels", "#000000", [1, 0]),
    "uniform": ("12 % wrong, uniform", "#0072b2", [6, 3]),
    "class": ("12 % wrong, by class", "#d55e00", [2, 2]),
}
"""Labels -> name, colour and dashes. Okabe and Ito's blue and vermilion; the dashes tell them apart without colour."""
_CHECKED = 120
_BASE = 500
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
_INK, _SOFT = "#1e293b", "#64748b"


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
    return (
        alt.vconcat(*grid, spacing=10)
        .properties(
            title=alt.TitleParams(
                f"Clean or collect: test metric by examples, means over {result['seeds']} seeds",
                subtitle=[
                    "Bands: 95 % intervals. From the dashed line at 500: cleaning goes up to the black one, collecting",
                    f"along to 1,000. Diamonds: of the 500, the {_CHECKED} most doubted by the audit are checked.",
                ],
                anchor="start", color=_INK, subtitleColor=_SOFT, subtitleFontSize=12, offset=10,
            )
        )
        .configure(font=_FONT, padding=14, background="white")
        .configure_view(stroke="#cbd5e1")
        .configure_title(anchor="start", frame="group", fontSize=12, color=_INK, fontWeight="bold")
        .configure_axis(
            labelColor=_INK, titleColor=_INK, titleFontWeight="normal", gridColor="#e2e8f0", domain=False,
            ticks=False, labelPadding=5, labelFontSize=11, titleFontSize=11,
        )
        .configure_legend(labelColor=_INK, labelFontSize=12, orient="bottom")
    )  # fmt: skip


def save(result: dict[str, Any], path: Path) -> None:
    """Draws it to a .svg or .png file. Raises UsageError on another ending."""
    if path.suffix not in (".svg", ".png"):
        raise UsageError(f"{path}: a figure is written as .svg or .png; name the file so")
    import vl_convert

    specification = draw(result).to_dict()
    if path.suffix == ".svg":
        content = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[]).encode()
    else:
        content = vl_convert.vegalite_to_png(specification, scale=2, allowed_base_urls=[])
    write_bytes(path, content)
