"""Cells of a CSV that a spreadsheet would take for a formula, and back.

A cell that begins with = + - @, a tab or a carriage return is computed when the file is opened ("CSV injection"): it
can send the other cells to an address, or start a program. Such a cell gets an apostrophe in front, which spreadsheets
show as text; reading takes it away again. A number keeps its sign: -1 is no formula.

    escaped("=1+1")  -> "'=1+1"      original("'=1+1")  -> "=1+1"
    escaped("-1")    -> "-1"         original("-1")     -> "-1"
    escaped("'=x")   -> "''=x"       original("''=x")   -> "'=x"

`original(escaped(cell)) == cell` for every text. What a person types is taken as it stands, but for an apostrophe
before one of these characters, which counts as an escape.
"""

import re

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last four: as East Asian keyboards write them
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def escaped(cell: str) -> str:
    """The cell as it is written."""
    return f"'{cell}" if _is_formula(cell) else cell


def original(cell: str) -> str:
    """The cell as it was before `escaped`."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    return _FORMULA.match(cell) is not None and _NUMBER.fullmatch(cell.lstrip("'")) is None
