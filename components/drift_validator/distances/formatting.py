"""Formats values and shares in the detail of a distance."""

import math

from components.shared.texts.escaping import on_one_line

_LONGEST = 60


def quoted(text: str) -> str:
    """Quotes a text, escapes control characters and truncates long texts, so that it is safe in one terminal line."""
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"'{on_one_line(short)}'"


def percent(share: float) -> str:
    """Formats a share in per cent with one decimal, below 0.1 % with two significant digits."""
    return f"{share:.1%}" if share == 0 or share >= 0.001 else f"{share * 100:.2g}%"


def number(value: float) -> str:
    """Formats a number with at most six significant digits; integers in full."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def point(value: float) -> str | float:
    """Converts infinities to text, because JSON has none."""
    return float(value) if math.isfinite(value) else str(float(value))
