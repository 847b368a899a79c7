"""Detects number notations: counts the shapes of numbers while a table is read, then decides by column and table.

1.234 is ambiguous: its point is a decimal mark or a thousands separator. The other values of the column decide, or else
the other columns of the file. Shapes are therefore counted first, and notations decided after all rows have been read.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.table_reading.cells.number_notation import DECIMALS, THOUSANDS, NumberNotation, normal
from components.table_reading.cells.units import ATTACHED, CURRENCIES, factors

MAX_UNITS = 64
"""Maximum number of distinct units that are counted for a column."""

_MONEY = "|".join(re.escape(unit) for unit in sorted(CURRENCIES, key=len, reverse=True))
_NUMBER = (
    rf"^(?P<open>\(?) *(?P<sign>[+-]?) *(?P<before>(?:{_MONEY})?) *(?P<inner>[+-]?) *"
    r"(?P<body>[.,]?[0-9](?:[0-9.,' _]*[0-9])?[.,]?(?:[eE][+-]?[0-9]+)?)"
    rf"(?P<gap> *)(?P<behind>(?:[^\d\s.,'_()+-][^\s,()+-]{{0,11}})?) *(?P<after>(?:{_MONEY})?) *(?P<trailing>-?)"
    r" *(?P<close>\)?)$"
)


def _grouped(mark: str, decimal: str) -> str:
    """Pattern of grouped digits with separator `mark`, and a fraction after `decimal` if that is not "".

    Without a decimal mark, a comma or point must occur at least twice to count as a separator.
    """
    mark_, end = re.escape(mark), rf"{re.escape(decimal)}[0-9]*" if decimal else ""
    several = "{2,}" if mark in DECIMALS and not decimal else "+"
    return rf"^([1-9][0-9]{{0,2}}({mark_}[0-9]{{3}}){several}|[1-9][0-9]?({mark_}[0-9]{{2}})+{mark_}[0-9]{{3}}){end}$"


_GROUPED = (  # (decimal mark + thousands separator, pattern), ? unknown, A ambiguous; the first match counts
    ("??", r"^(0|[1-9][0-9]*)$"),
    ("A.", r"^[1-9][0-9]{0,2}\.[0-9]{3}$"),
    ("A,", r"^[1-9][0-9]{0,2},[0-9]{3}$"),
    (".?", r"^(0|[1-9][0-9]*)?\.[0-9]*$|^(0|[1-9][0-9]*)(\.[0-9]*)?[eE][+-]?[0-9]+$"),
    (",?", r"^(0|[1-9][0-9]*)?,[0-9]*([eE][+-]?[0-9]+)?$"),
    *(
        (f"{shown}{mark}", _grouped(mark, "" if shown == "?" else shown))
        for mark in THOUSANDS
        if mark
        for shown in ("?", *DECIMALS)
        if shown != mark
    ),
)
AMBIGUOUS = _GROUPED[1][1]
"""Pattern of unsigned numbers whose point may be a decimal mark or a thousands separator."""


@dataclass
class NumberForms:
    """Additive counts of the notations of a column's numbers.

    Plain numbers, such as 1234.5, are counted by their form in TypeCandidates.counts.

    Attributes:
      shapes: Shape (decimal mark and thousands separator, see _GROUPED) -> rows, for numbers that are not plain.
      points: Rows of plain numbers whose point may be a thousands separator.
      plus: Rows of plain whole numbers with a leading plus.
      plus_fractions: Rows of other plain numbers with a leading plus.
      before: Unit before a number -> rows.
      behind: Unit after a number -> rows.
    """

    shapes: Counter[str] = field(default_factory=Counter)
    points: int = 0
    plus: int = 0
    plus_fractions: int = 0
    before: Counter[str] = field(default_factory=Counter)
    behind: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Rows of numbers that are not plain."""
        return sum(self.shapes.values())


def count_numbers(texts: pa.StringArray, owners: np.ndarray, rows: np.ndarray, into: Sequence[NumberForms]) -> None:
    """Counts the numbers among values that fit no form of read_options.FORMS.

    Args:
      texts: The values, strings [N].
      owners: Index in `into` of each value's column, int [N].
      rows: Number of rows with each value, int [N].
      into: Counts of each column, updated in place.
    """
    found = pc.extract_regex(normal(texts), _NUMBER)
    hit = found.is_valid().to_numpy(zero_copy_only=False)
    if not hit.any():
        return
    found, owners, rows = found.filter(pa.array(hit)), owners[hit], rows[hit]
    body, shape = found.field("body"), np.full(len(owners), "", dtype=object)
    for name, pattern in _GROUPED:
        like = pc.match_substring_regex(body, pattern).to_numpy(zero_copy_only=False)
        shape[like & (shape == "")] = name
    balanced = pc.equal(pc.equal(found.field("open"), "("), pc.equal(found.field("close"), ")"))
    attached = pc.and_(pc.equal(found.field("gap"), ""), pc.not_equal(found.field("behind"), ""))
    known = pc.is_in(found.field("behind"), pa.array(sorted(ATTACHED)))
    fine = pc.and_(balanced, pc.or_(pc.invert(attached), known)).to_numpy(zero_copy_only=False) & (shape != "")
    columns = [found.field(name).to_pylist() for name in ("before", "behind", "after")]
    for at in np.flatnonzero(fine):
        forms, count = into[owners[at]], int(rows[at])
        before, behind, after = (column[at] for column in columns)
        forms.shapes[shape[at]] += count
        for unit, units in ((before, forms.before), (behind, forms.behind), (after, forms.behind)):
            if unit and (unit in units or len(units) < MAX_UNITS):
                units[unit] += count


def count_points(numbers: pa.StringArray, owners: np.ndarray, rows: np.ndarray, into: Sequence[NumberForms]) -> None:
    """Counts plain numbers with a leading plus or an ambiguous point.

    Args:
      numbers: Plain numbers, strings [N].
      owners: Index in `into` of each value's column, int [N].
      rows: Number of rows with each value, int [N].
      into: Counts of each column, updated in place.
    """
    plus = pc.starts_with(numbers, "+").to_numpy(zero_copy_only=False)
    if plus.any():
        whole = pc.match_substring_regex(numbers, r"^\+[0-9]+$").to_numpy(zero_copy_only=False)
        for owner, count in _sums(owners, rows, whole):
            into[owner].plus += count
        for owner, count in _sums(owners, rows, plus & ~whole):
            into[owner].plus_fractions += count
    points = pc.match_substring_regex(numbers, AMBIGUOUS.replace("^", "^[+-]?")).to_numpy(zero_copy_only=False)
    for owner, count in _sums(owners, rows, points):
        into[owner].points += count


def _sums(owners: np.ndarray, rows: np.ndarray, hit: np.ndarray) -> Iterator[tuple[int, int]]:
    counted = np.bincount(owners[hit], rows[hit])
    found = np.flatnonzero(counted)
    return zip(found.tolist(), counted[found].astype(int).tolist(), strict=True)


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers, as input of the notation decision.

    Attributes:
      forms: Counts of the notations.
      fractions: Rows of plain numbers with a fraction, including ambiguous points.
    """

    forms: NumberForms
    fractions: int

    @property
    def legal(self) -> list[tuple[str, str]]:
        """All pairs (decimal mark, thousands separator) that fit every value; those without a separator first."""
        shapes = set(self.forms.shapes) | ({"A."} if self.forms.points else set())
        pairs = [(decimal, mark) for mark in THOUSANDS for decimal in DECIMALS if decimal != mark]
        if self.fractions > self.forms.points:
            pairs = [pair for pair in pairs if pair[0] == "."]
        return [pair for pair in pairs if all(_fits(shape, *pair) for shape in shapes)]

    @property
    def is_ambiguous(self) -> bool:
        """Whether the values do not determine the decimal mark."""
        marks = bool(self.forms.points or set(self.forms.shapes) & {"A.", "A,"})
        return marks and len({decimal for decimal, _ in self.legal}) > 1

    def is_whole(self, notation: NumberNotation) -> bool:
        """Whether all values are integers in the given notation."""
        if any(factor != 1 for factor in notation.units.values()):
            return False
        shapes = set(self.forms.shapes) | ({"A."} if self.forms.points else set())
        parts = any(shape[0] in DECIMALS or shape == f"A{notation.decimal}" for shape in shapes)
        return not parts and self.fractions == self.forms.points and not self.forms.plus_fractions


def decide(
    columns: Mapping[str, NumberColumn], delimiter: str
) -> tuple[NumberNotation, dict[str, NumberNotation | None]]:
    """Decides the number notation of a table and of each column that deviates from it.

    Args:
      columns: All columns of numbers.
      delimiter: Delimiter of the file. If no column determines the decimal mark, a semicolon implies the comma.

    Returns:
      The notation of the table; and column -> notation for columns that deviate from it, None for columns with
      contradictory notations or units.
    """
    legal = {name: column.legal for name, column in columns.items()}
    firm = Counter(firm_decimals(columns).values())
    commas = any("A," in column.forms.shapes for column in columns.values())
    points = any(column.fractions for column in columns.values())
    usual = "," if firm[","] > firm["."] or (not firm and delimiter == ";" and commas and not points) else "."
    found: dict[str, NumberNotation | None] = {}
    for name, column in columns.items():
        units = factors(set(column.forms.before), set(column.forms.behind))
        pairs = [pair for pair in legal[name] if pair[0] == usual] or legal[name]
        if not pairs or units is None:
            found[name] = None
            continue
        notation = NumberNotation(*pairs[0], units)
        if not notation.is_plain or column.forms.rows or column.forms.plus or column.forms.plus_fractions:
            found[name] = notation
    table = NumberNotation()
    if usual == ",":
        marks = {one.thousands for one in found.values() if one is not None and one.decimal == ","} - {""}
        mark = next(iter(marks)) if len(marks) == 1 else ""
        if all((",", mark) in pairs for name, pairs in legal.items() if found.get(name, table) is not None):
            table = NumberNotation(",", mark)
            found = {
                name: one for name, one in found.items() if one is None or one.units or one.thousands not in ("", mark)
            }
            found = {name: one and NumberNotation(",", mark or one.thousands, one.units) for name, one in found.items()}
    return table, found


def firm_decimals(columns: Mapping[str, NumberColumn]) -> dict[str, str]:
    """Column -> decimal mark, for columns whose values determine it."""
    return {
        name: next(iter(marks))
        for name, column in columns.items()
        if (column.forms.shapes or column.fractions) and len(marks := {decimal for decimal, _ in column.legal}) == 1
    }


def _fits(shape: str, decimal: str, thousands: str) -> bool:
    if shape[0] == "A":
        return shape[1] in (decimal, thousands)
    return shape[0] in ("?", decimal) and shape[1] in ("?", thousands)
