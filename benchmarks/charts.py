"""Shared style and atomic writing of the benchmarks' figures."""

import argparse
import re
from pathlib import Path
from typing import Any

from components.shared.files import write_bytes

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
INK, SOFT = "#1e293b", "#64748b"


def titled(chart: Any, title: str, subtitle: str | list[str]) -> Any:
    """An Altair chart of several panels under one title."""
    import altair as alt

    return chart.properties(
        title=alt.TitleParams(
            title, subtitle=subtitle, anchor="start", color=INK, subtitleColor=SOFT, subtitleFontSize=12, offset=10
        )
    )


def styled(chart: Any, **legend: Any) -> Any:
    """The Altair chart in the look of all figures; legend goes to configure_legend."""
    return (
        chart.configure(font=FONT, padding=14, background="white")
        .configure_view(stroke="#cbd5e1")
        .configure_title(anchor="start", frame="group", fontSize=12, color=INK, fontWeight="bold")
        .configure_axis(
            labelColor=INK, titleColor=INK, titleFontWeight="normal", gridColor="#e2e8f0", domain=False,
            ticks=False, labelPadding=5, labelFontSize=11, titleFontSize=11,
        )
        .configure_legend(labelColor=INK, labelFontSize=12, **legend)
    )  # fmt: skip


def figure(text: str) -> Path:
    """Argument type for a figure's file: an illegal suffix is rejected before the measurement starts."""
    path = Path(text)
    if path.suffix not in (".svg", ".png"):
        raise argparse.ArgumentTypeError(f"{text}: a figure is written as .svg or .png; name the file so")
    return path


def save(chart: Any, path: Path) -> None:
    """Draws an Altair chart to a file, as `figure` takes them."""
    import vl_convert

    specification = chart.to_dict()
    if path.suffix == ".svg":
        content = _slim(vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])).encode()
    else:
        content = vl_convert.vegalite_to_png(specification, scale=2, allowed_base_urls=[])
    write_bytes(path, content)


def _slim(svg: str) -> str:
    """Removes invisible elements and rounds coordinates to 0.1 pixels, which reduces the file to a third."""
    svg = re.sub(
        r'<path [^>]*display="none"/>|<path class="background"[^>]* d="[^"]*"( pointer-events="none")?/>', "", svg
    )
    svg = re.sub(r' (class|role|pointer-events|aria-[a-z]+)="[^"]*"| opacity="1"', "", svg)
    return re.sub(r' (d|transform|x2|y2)="[^"]*"', lambda attribute: re.sub(r"(\d\.\d)\d+", r"\1", attribute[0]), svg)
