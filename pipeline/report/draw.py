"""Vega-Lite to SVG that belongs to the page: its colours are the page's CSS variables, its marks say what they are.

Why static SVG, not Vega's JavaScript: the library bundled inline is 0.9 MB before the first chart, draws nothing
without scripts, prints what happens to be drawn, and has one theme at a time. A rendered chart is some 10 KB, follows
the theme by CSS, prints, and is there before the page has loaded. What is lost is panning and zooming, which charts of
ten bars do not need; values under the pointer are kept: each mark carries its own in `data-tip`, which a few lines of
script show.

Specs are plain dictionaries, as in Vega-Lite's documentation: importing Altair takes 1 to 3 s of every run, and it
would hand the same JSON to the same renderer (vl-convert). The tests hold every spec against Altair's schema.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from markupsafe import Markup

from components.shared.texts.escaping import xml_text
from pipeline.report.drawn import svg_of

VEGA_LITE = "5.20"
"""The version that Altair 5.5 speaks."""

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
_TALK = re.compile(r' (?:aria-[a-z]+|role|pointer-events|class|xmlns:xlink)="[^"]*"')
_PLACES = re.compile(r' (d|transform|x2|y2)="([^"]*)"')
_LONG = re.compile(r"-?\d+\.\d{2,}")
_EMPTY = re.compile(r'<path[^>]* d="(?:M0,0h0v0h0Z)?"[^>]*/>')


def svg(spec: Mapping[str, Any], title: str) -> Markup:
    """Renders a spec.

    Args:
      spec: Vega-Lite, without `config`. Marks with an encoding `description` show it under the pointer.
      title: What the chart shows, in words: its text alternative.
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


def framed(inner: str, width: float, height: float, title: str, kind: str) -> Markup:
    """The svg element around drawn marks: an image with a text alternative, as wide as its column allows.

    Args:
      inner: SVG; everything from data in it is escaped already.
      width: Of the drawing, px.
      height: The same.
      title: Its text alternative, plain text.
      kind: CSS class.
    """
    return Markup(  # noqa: S704 - put together from escaped parts
        f'<svg class="{kind}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="{escape(xml_text(title))}">{inner}</svg>'
    )


def _printable(value: Any) -> Any:
    """vl-convert does not refuse a character that XML does not know: it aborts the process, and the run with it."""
    if isinstance(value, str):
        return xml_text(value)
    if isinstance(value, Mapping):
        return {key: _printable(inner) for key, inner in value.items()}
    return [_printable(inner) for inner in value] if isinstance(value, list) else value


def _slim(tag: re.Match[str]) -> str:
    """One tag without what only a live Vega view needs, with tips, and with places to a tenth of a pixel."""
    text = _MARK.sub(r' data-tip="\1"', tag[0])
    text = _TALK.sub("", text) if "data-tip" not in text else text
    return _PLACES.sub(lambda place: f' {place[1]}="{_LONG.sub(_short, place[2])}"', text)


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")
