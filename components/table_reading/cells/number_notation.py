"""Number notations (decimal mark, thousands separator, units) and parsing of cells in them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.table_reading.cells.casting import fit
from components.table_reading.cells.text_parsing import parse

NUMBERS = (pa.int64(), pa.float64())
DECIMALS = (".", ",")
THOUSANDS = ("", ",", ".", " ", "'", "_")
MARKS = {".": "points", ",": "commas", " ": "blanks", "'": "apostrophes", "_": "underscores"}
_SAME = (("[\u00a0\u2007\u2009\u202f]", " "), ("[\u2019\u02bc`]", "'"), ("[\u2212\u2013]", "-"))
"""Pattern of typographic variants -> ASCII character."""


@dataclass(frozen=True)
class NumberNotation:
    """The notation of numbers.

    Any notation, including the default one, accepts a leading +, a trailing minus, negative numbers in brackets, such
    as (1.50), and Unicode spaces in place of blanks.

    Attributes:
      decimal: Decimal mark.
      thousands: Separator between groups of digits; "" for none. Numbers without separators are accepted, too.
      units: Unit that may precede or follow a number -> factor.
    """

    decimal: str = "."
    thousands: str = ""
    units: Mapping[str, float] = field(default_factory=dict, hash=False)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "NumberNotation":
        """Restores an instance from its `dataclasses.asdict` form."""
        return cls(fields["decimal"], fields["thousands"], dict(fields["units"]))

    @property
    def is_plain(self) -> bool:
        """Whether this is the plain notation: decimal point, no separators, no units."""
        return self == NumberNotation()

    def parse(self, cells: pa.StringArray, type_: pa.DataType) -> pa.Array:
        """Parses cells in this notation.

        Args:
          cells: Strings, [N].
          type_: int64 or float64.

        Returns:
          Numbers, [N]; null for a null cell and for a cell that is not a number in this notation.
        """
        part = pc.extract_regex(normal(cells), self._pattern())
        digits = part.field("digits")
        if self.thousands:
            digits = pc.replace_substring(digits, self.thousands, "")
        if self.decimal != ".":
            digits = pc.replace_substring(digits, self.decimal, ".")
        opened = pc.equal(part.field("open"), "(")
        signs = opened.cast(pa.int8())
        for name in ("sign", "inner", "trailing"):
            signs = pc.add(signs, pc.equal(part.field(name), "-").cast(pa.int8()))
        closed = pc.equal(opened, pc.equal(part.field("close"), ")"))
        legal = pc.fill_null(pc.and_(closed, pc.less_equal(signs, 1)), False)
        minus = pc.if_else(pc.equal(signs, 1), "-", "")
        text = pc.binary_join_element_wise(minus, pc.if_else(legal, digits, pa.scalar(None, pa.string())), "")
        factors = {unit: factor for unit, factor in self.units.items() if factor != 1}
        if not factors:
            return parse(text, type_)
        where = {
            unit: reduce(pc.or_, (pc.equal(part.field(place), unit) for place in ("before", "behind", "after")))
            for unit in factors
        }
        for unit, factor in factors.items():
            if (power := _power_of_ten(factor)) is not None:  # exact, unlike 4.35 * 100.0
                text = pc.binary_join_element_wise(text, pc.if_else(where[unit], f"e{power}", ""), "")
        values = parse(text, pa.float64())
        for unit, factor in factors.items():
            if _power_of_ten(factor) is None:
                values = pc.if_else(where[unit], pc.multiply(values, factor), values)
        return fit(values, type_)

    def _pattern(self) -> str:
        decimal, mark = re.escape(self.decimal), re.escape(self.thousands)
        whole = "[0-9]+"
        if mark:
            whole = rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]{{1,2}}(?:{mark}[0-9]{{2}})+{mark}[0-9]{{3}}|[0-9]+"
        unit = "|".join(re.escape(unit) for unit in sorted(self.units, key=len, reverse=True))
        unit = f"(?:{unit})?" if unit else ""
        return (
            rf"^(?P<open>\(?) *(?P<sign>[+-]?) *(?P<before>{unit}) *(?P<inner>[+-]?) *"
            rf"(?P<digits>(?:{whole})(?:{decimal}[0-9]*)?(?:[eE][+-]?[0-9]+)?|{decimal}[0-9]+)"
            rf" *(?P<behind>{unit}) *(?P<after>{unit}) *(?P<trailing>-?) *(?P<close>\)?)$"
        )


def _power_of_ten(factor: float) -> int | None:
    power = round(math.log10(factor))
    return power if float(f"1e{power}") == factor else None


def normal(cells: pa.StringArray) -> pa.StringArray:
    """Normalises typographic spaces, apostrophes and minus signs to ASCII, and trims cells, string [N]."""
    for pattern, one in _SAME:
        cells = pc.replace_substring_regex(cells, pattern, one)
    return pc.utf8_trim(cells, " \t")
