"""SVG elements for inline charts."""

from html import escape

from markupsafe import Markup

from components.shared.texts.escaping import xml_text


def framed(inner: str, width: float, height: float, title: str, kind: str) -> Markup:
    """Returns an svg element around drawn marks, with a text alternative.

    Args:
      inner: SVG in which text from data is already escaped.
      width: Width of the view box, px.
      height: Height of the view box, px.
      title: Text alternative, plain text.
      kind: CSS class.
    """
    return Markup(  # noqa: S704 - put together from escaped parts
        f'<svg class="{kind}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="{svg_text(title)}">{inner}</svg>'
    )


def svg_text(text: str) -> str:
    """Escapes a text from data, for an element or a quoted attribute of SVG."""
    return escape(xml_text(text))
