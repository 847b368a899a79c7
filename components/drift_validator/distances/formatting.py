"""How values and shares are written in the one line that explains a distance."""

import math

from components.shared.texts.escaping import on_one_line

_LONGEST = 60


def quoted(text: str) -> str:
    """In single quotes, control characters escaped, what is long cut short: safe in one line of a terminal."""
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"'{on_one_line(short)}'"


def percent(share: float) -> str:
    """With one decimal, or with two significant digits where that would show nothing."""
    return f"{share:.1%}" if share == 0 or share >= 0.001 else f"{share * 100:.2g}%"


def number(value: float) -> str:
    """The shortest usual way to write it, with at most six significant digits but whole where it is whole."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def point(value: float) -> str | float:
    """The value as JSON can hold it: infinities as text."""
    return float(value) if math.isfinite(value) else str(float(value))
