"""Renders Vega-Lite specs to SVG whose colours are CSS variables of the page and whose marks have tooltips.

Static SVG instead of Vega's JavaScript: the inline library has 0.9 MB, needs scripts, prints only what is visible and
has one theme at a time. A rendered chart has about 10 KB, follows the theme by CSS and prints completely. Panning and
zooming are missing; charts of ten bars do not need them. Each mark has its value in `data-tip`, which the page's script
shows as a tooltip.

Specs are plain dictionaries: importing Altair takes 1 to 3 s per run and passes the same JSON to the same renderer
(vl-convert). Tests validate every spec against Altair's schema.
"""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from components.shared.texts.escaping import xml_text
from components.shared.texts.svg import framed
from pipeline.report.chart_cache import svg_of

VEGA_LITE = "5.20"
"""The Vega-Lite version of Altair 5.5."""

CONFIG: Mapping[str, Any] = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "gridColor": "var(--grid)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "tickSize": 4,
        "labelPadding": 4,
    },
}

_TAG = re.compile(r"<[^>]+>")  # Vega writes < and > in attributes and text as entities
_MARK = re.compile(r' aria-label="([^"]*)" role="graphics-symbol" aria-roledescription="(?!axis|legend)[^"]*"')
_ATTRIBUTES = re.compile(r' (?:aria-[a-z]+|role|pointer-events|class|xmlns:xlink)="[^"]*"')
_PLACES = re.compile(r' (d|transform|x2|y2)="([^"]*)"')
_LONG = re.compile(r"-?\d+\.\d{2,}")
_EMPTY = re.compile(r'<path[^>]* d="(?:M0,0h0v0h0Z)?"[^>]*/>')


def svg(spec: Mapping[str, Any], title: str) -> Markup:
    """Renders a spec as SVG.

    Args:
      spec: Vega-Lite, without `config`. The encoding `description` of a mark becomes its tooltip.
      title: Text alternative of the chart.
    """
    told = _printable({**spec, "config": CONFIG})
    drawn = svg_of(told, lambda: _rendered(told))
    _, _, inner = drawn.partition(">")
    found = re.match(r'<svg[^>]* viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn)
    assert found is not None, "vl-convert writes a view box"
    return framed(inner.removesuffix("</svg>"), float(found[1]), float(found[2]), title, "chart")


def _rendered(spec: Any) -> str:
    import vl_convert  # starts a JavaScript engine: 1 s of CPU

    drawn: str = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    return _EMPTY.sub("", _TAG.sub(_slim, drawn))


def _printable(value: Any) -> Any:
    """Replaces characters that XML does not allow: vl-convert aborts the whole process on them."""
    if isinstance(value, str):
        return xml_text(value)
    if isinstance(value, Mapping):
        return {key: _printable(inner) for key, inner in value.items()}
    return [_printable(inner) for inner in value] if isinstance(value, list) else value


def _slim(tag: re.Match[str]) -> str:
    """One tag without the attributes of an interactive Vega view, with tooltips and coordinates to 0.1 px."""
    text = _MARK.sub(r' data-tip="\1"', tag[0])
    text = _ATTRIBUTES.sub("", text) if "data-tip" not in text else text
    return _PLACES.sub(lambda place: f' {place[1]}="{_LONG.sub(_short, place[2])}"', text)


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")
