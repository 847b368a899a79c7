"""A strip: the effect of one subject in each window, as bars with the colour of their severity."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from components.shared.texts.svg import svg_text
from monitor.measurement import Level

TALL = 24
LOWEST = 2.0
"""Height of an effect of 0, so that a window with it differs from one without."""


@dataclass(frozen=True)
class Cell:
    """One window of a strip.

    Attributes:
      share: Effect as a share of the effect that is severe, at least 0.
      level: Severity.
      tip: Text of the tooltip, which moderate and severe cells have.
    """

    share: float
    level: Level
    tip: str = ""


def draw_strip(cells: Sequence[Cell | None], title: str) -> Markup:
    """Draws a strip that is stretched to the width of its column; None is a window without a value.

    Height and colour both show the severity: an effect that is severe fills the height.

    Args:
      cells: One for each window.
      title: Text alternative.
    """
    quiet, bars = [], []
    for place, cell in enumerate(cells):
        if cell is None:
            continue
        height = LOWEST + (TALL - LOWEST) * min(1.0, cell.share)
        if cell.level == "negligible":  # most cells of most strips: one path for all
            quiet.append(f"M{place},{TALL}v-{height:.1f}h.88v{height:.1f}z")
            continue
        bars.append(
            f'<rect class="{cell.level}" x="{place}" y="{TALL - height:.1f}" width="0.88" height="{height:.1f}" '
            f'data-tip="{svg_text(cell.tip)}"/>'
        )
    inner = (f'<path class="negligible" d="{"".join(quiet)}"/>' if quiet else "") + "".join(bars)
    return Markup(  # noqa: S704 - put together from escaped parts
        f'<svg class="strip" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {max(1, len(cells))} {TALL}" '
        f'preserveAspectRatio="none" height="{TALL}" role="img" aria-label="{svg_text(title)}">{inner}</svg>'
    )
