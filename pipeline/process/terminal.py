"""Colours of a terminal: https://no-color.org, https://bixense.com/clicolors."""

import os
from typing import Literal, TextIO

Colour = Literal["red", "green", "yellow", "dim"]

_CODES: dict[Colour, int] = {"red": 31, "green": 32, "yellow": 33, "dim": 2}


def has_colours(stream: TextIO) -> bool:
    """Whether text for this stream may hold colours: a terminal, neither NO_COLOR nor TERM=dumb being set.

    CLICOLOR_FORCE=1 asks for colours wherever the text goes, such as a log viewer that shows them; NO_COLOR wins.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def coloured(text: str, colour: Colour, stream: TextIO) -> str:
    """The text in a colour where the stream has colours, else as it is."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if has_colours(stream) else text
