"""Escapes CSV cells that a spreadsheet would interpret as a formula, and reverses the escape.

A cell that begins with = + - @, a tab or a carriage return is evaluated when the file is opened ("CSV injection"): it
can send other cells to a server, or start a program. Such a cell is prefixed with an apostrophe, after which
spreadsheets show it as text; reading removes it again. A number keeps its sign: -1 is not a formula.

    escaped("=1+1")  -> "'=1+1"      original("'=1+1")  -> "=1+1"
    escaped("-1")    -> "-1"         original("-1")     -> "-1"
    escaped("'=x")   -> "''=x"       original("''=x")   -> "'=x"

`original(escaped(cell)) == cell` for every text. Text that a person types is unchanged, unless it begins with an
apostrophe before one of these characters, which counts as an escape.
"""

import re

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last four are full-width forms
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def escape_formula(cell: str) -> str:
    """Escapes a cell for writing."""
    return f"'{cell}" if _is_formula(cell) else cell


def unescape_formula(cell: str) -> str:
    """Reverses `escaped`."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    return _FORMULA.match(cell) is not None and _NUMBER.fullmatch(cell.lstrip("'")) is None
