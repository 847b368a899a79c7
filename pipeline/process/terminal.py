"""Terminal colours, by the conventions of https://no-color.org and https://bixense.com/clicolors."""

import os
from typing import Literal, TextIO

Colour = Literal["red", "green", "yellow", "dim"]

_CODES: dict[Colour, int] = {"red": 31, "green": 32, "yellow": 33, "dim": 2}


def has_colours(stream: TextIO) -> bool:
    """Returns whether text for this stream may contain colours: it is a terminal, without NO_COLOR and TERM=dumb.

    CLICOLOR_FORCE=1 enables colours for any stream, such as the input of a log viewer. NO_COLOR takes precedence.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def coloured(text: str, colour: Colour, stream: TextIO) -> str:
    """Returns the text with the escape codes of a colour if the stream has colours, else unchanged."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if has_colours(stream) else text
