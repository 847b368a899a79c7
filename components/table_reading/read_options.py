"""How values are written in a CSV file: the settings of [data] that readers share, and how they are found out.

A file says nothing about itself, so its values are counted by the form they have (`count_forms`). That is a sum: it
does not matter how the rows are spread over batches and files, and a type or a marker follows from it alone.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.spellings.canonical_spellings import Spellings
from components.table_reading.cells.date_notations import DATED, IMPOSSIBLE, chosen, count_notations, has_time
from components.table_reading.cells.notation import Notation
from components.table_reading.cells.number_formats import NumberColumn, NumberForms, count_numbers, count_points
from components.table_reading.cells.number_notation import NumberNotation
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.time_parsing import CLOCK, LASTS
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits

STRONG_MARKERS = frozenset({"NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "Null", "\\N", "?", "NaT"})
"""Mean "missing" in any column."""
MARKERS = STRONG_MARKERS | {"None", "none", "-", "--", ".", "na", "<NA>", "#VALUE!", "#REF!", "#DIV/0!", ""}
"""Mean "missing" among numbers and dates; among texts they may be a value ("None" of three kinds of alley)."""
MOST_MISSING = 0.5
"""Among texts a marker of a larger share than this is a value."""
WORDS = frozenset({"None", "none"})
"""Markers that are words: "none" of none, mild and severe is a value."""
RARE_VALUES = 0.02
"""Share of a text column's rows from which on such a word is one of its values."""
RARE_WORDS = 1e-3
"""Words among numbers are slips, not a type, up to this share: one "unknown" does not make a column of numbers text."""

NUMBERS = ("bit", "int", "float")
FORMS = (  # tried in this order
    ("bit", r"^[01]$"),
    ("int", r"^-?(0|[1-9]\d{0,17})$"),
    ("long", r"^-?[1-9]\d{18,}$"),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$"),
    ("date", r"^\d{4}-\d\d-\d\d$"),
    ("timestamp", r"^\d{4}-\d\d-\d\d[ T]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?$"),
    ("large", r"^-?[1-9]\d{7,17}\.0+$"),  # whole, and too large for a float32 to hold; see Forms.type
    ("whole", r"^-?(0|[1-9]\d{0,6})\.0+$"),
    ("clock", CLOCK),
    ("elapsed", LASTS),
    ("dated", DATED),
    ("code", r"^[+-]?0\d"),  # 007, 01.10: numbers are not written like that, codes are
    ("float", r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity)$"),
    ("pair", r"^[A-Z][A-Z]$"),
    ("word", r"^[^0-9]*$"),
)
CHECKED = {"clock": ("clock", "elapsed", pa.time64("us")), "long": ("int", "big", pa.int64())}
"""Form -> what it is if all its values can be read as that type, and what if not."""
CHECKED_EACH = {"date": pa.date32(), "timestamp": pa.timestamp("us")}
"""Form -> type; a value that cannot be read as it (the 30th of February) is of the form `impossible`."""
MOST_IMPOSSIBLE = 0.5
"""Dates that there are not, among those in ISO 8601 or in another notation: below this share they are slips."""


@dataclass(frozen=True)
class ReadOptions:
    """How a CSV file is to be read. Parquet and Arrow files carry this themselves.

    Attributes:
      missing: Cells that mean "no value here", exactly as they stand.
      delimiter: The character between cells.
      misfits: What a value of another type than the schema's does: `block` is an error, `warn` a counted finding.
      limits: What a file of any kind may ask for.
      renamed: Column -> the name that it has in files that lack it, of any kind of file.
      spellings: Column -> spelling -> the value it stands for, of any kind of file, see canonical_spellings.py.
      sheet: Of a workbook; "" is the first that is not hidden.
      spans_query: Of a database: the query that gives the spans there are.
      password_variable: Of a database: variable of the environment that holds the password.
      date_format: Column -> how its dates are written, see time_cells.py; without it ISO 8601.
      list_separator: Column -> what is between the items of a list in one cell.
      infinity: What an infinite number does: `missing` counts it and takes it for missing, `error` is an error.
      encoding: Python's name of the encoding; a byte order mark is taken off.
      header_row: Line of the header, the first being 1; what is above it is skipped. Of that line and empty ones below
        it the first that is not empty is the header.
      skip_footer: Lines at the end that are no rows; lines without a value are not counted, and skipped with them.
      comment: Lines that begin with it are skipped; "" is none.
      decimal: Between the whole part of a number and its fraction.
      thousands: Between groups of three digits of a number; "" is none.
      numbers: Column -> how its numbers are written, where that is not as `decimal` and `thousands` say.
      latest_year: Column of dates -> the latest year that two digits mean; without it 2068.
    """

    missing: tuple[str, ...] = ("",)
    delimiter: str = ","
    misfits: Literal["block", "warn"] = "block"
    limits: Limits = DEFAULT_LIMITS
    spellings: Spellings = field(default_factory=dict, hash=False)
    renamed: Mapping[str, str] = field(default_factory=dict, hash=False)
    sheet: str = ""
    spans_query: str = ""
    password_variable: str = ""
    date_format: Mapping[str, str] = field(default_factory=dict, hash=False)
    list_separator: Mapping[str, str] = field(default_factory=dict, hash=False)
    infinity: Literal["missing", "error"] = "missing"
    encoding: str = "utf-8"
    header_row: int = 1
    skip_footer: int = 0
    comment: str = ""
    decimal: str = "."
    thousands: str = ""
    numbers: Mapping[str, NumberNotation] = field(default_factory=dict, hash=False)
    latest_year: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def notation(self) -> Notation:
        """How cells are written, by column."""
        return Notation(self.date_format, self.list_separator, self.numbers, self._table, self.latest_year)

    @property
    def _table(self) -> NumberNotation | None:
        """How all numbers are written that have no notation of their own; None if as programs write them."""
        table = NumberNotation(self.decimal, self.thousands)
        return None if table.is_plain else table

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "ReadOptions":
        """What `dataclasses.asdict` made of one, and JSON of that."""
        limits = Limits(**fields.get("limits", {}))
        numbers = {name: NumberNotation.from_fields(one) for name, one in fields.get("numbers", {}).items()}
        rest = {key: value for key, value in fields.items() if key not in ("missing", "limits", "numbers")}
        return cls(tuple(fields["missing"]), limits=limits, numbers=numbers, **rest)

    def notation_of(self, column: str) -> NumberNotation | None:
        """How a column's numbers are written; None if as programs write them."""
        return self.numbers.get(column) or self._table


@dataclass
class Forms:
    """How often a column's values have which form.

    Attributes:
      rows: Rows counted.
      nulls: Rows without a value.
      counts: Form -> rows; `blank` is a quoted empty string.
      markers: Values that often mean "missing", exactly as they stand -> rows. They are in no form.
      formats: Of the form `dated`, see date_notations.count_notations.
      colons: Of the forms `clock` and `elapsed`, colons -> rows: 1 as in 9:30, 2 as in 9:30:15.
      numbers: What is known of numbers that are not written as programs write them, among the texts.
      notation: How the column's numbers are written, once that is decided; None if as programs write them.
      torn: Whether files write its numbers in notations that contradict each other: then it is text.
    """

    rows: int = 0
    nulls: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    markers: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    colons: Counter[int] = field(default_factory=Counter)
    numbers: NumberForms = field(default_factory=NumberForms)
    notation: NumberNotation | None = None
    torn: bool = False

    @property
    def impossible(self) -> int:
        """Values that look like dates and are none."""
        return self.counts["impossible"] + self.formats[IMPOSSIBLE]

    def add(self, other: "Forms") -> None:
        """Takes in the counts of other rows of the column."""
        self.rows += other.rows
        self.nulls += other.nulls
        mine, its = self.numbers, other.numbers
        for into, more in (
            (self.counts, other.counts),
            (self.markers, other.markers),
            (self.formats, other.formats),
            (self.colons, other.colons),
            (mine.shapes, its.shapes),
            (mine.before, its.before),
            (mine.behind, its.behind),
        ):
            into.update(more)  # type: ignore[arg-type]
        mine.points += its.points
        mine.plus += its.plus
        mine.plus_fractions += its.plus_fractions

    @property
    def date_format(self) -> tuple[str, str]:
        """How dates that are not ISO 8601 are written, and how they may be as well; "" for none."""
        dated, impossible = self.counts["dated"], self.formats[IMPOSSIBLE]
        dated -= impossible if impossible < MOST_IMPOSSIBLE * dated else 0
        return chosen(self.formats, (1 - RARE_WORDS) * dated) if dated else ("", "")

    @property
    def type(self) -> str:
        """The narrowest type alias for these values."""
        if self.torn:
            return "string"
        if self.notation is not None and (column := self.number_column()) is not None:
            whole = column.is_whole(self.notation)
            if whole and self.counts["big"] and not self.numbers.rows:
                return "string"  # ids beyond int64: as float64 different ones would be equal
            return "int64" if whole and not self.counts["big"] else "float64"
        forms = {form for form, rows in self._solid().items() if rows} - {"blank"}
        if "large" in forms and forms <= {"bit", "int", "large", "whole"}:
            return "int64"
        if forms & {"large", "whole"}:
            forms = forms - {"large", "whole"} | {"float"}
        numbers = forms - {"bit", "int"}
        if not forms:
            return "string"
        if not numbers:
            return "int64"
        if "float" in numbers and numbers <= {"float", "big"}:
            return "float64"
        if "bool" in numbers and forms <= {"bool", "bit"}:
            return "bool"
        if forms == {"dated"} and (written := self.date_format[0]):
            return "timestamp" if has_time(written) else "date"
        if forms <= {"clock", "elapsed"}:
            if "elapsed" not in forms:
                return "time"
            # 58:12 beside 1:02:03 are minutes and seconds, alone hours and minutes: a column of both is not guessed.
            return "string" if self.colons[1] and self.colons[2] else "duration"
        if forms <= {"date", "timestamp"}:
            return "timestamp" if "timestamp" in forms else "date"
        return "string"

    @property
    def misfits(self) -> int:
        """Values that are not of the column's type: the words among numbers, and quoted empty strings."""
        if self.type == "string":
            return 0
        values = sum(self.counts.values())
        if self.notation is not None and self.number_column() is not None:
            return values - self.number_rows
        written = self.date_format[0]
        slips = self.counts["dated"] - self.formats[written] if written else 0
        return values - sum(self._solid().values()) + slips

    @property
    def number_rows(self) -> int:
        """Values that are numbers in any notation."""
        return sum(self.counts[form] for form in (*NUMBERS, "whole", "large", "big")) + self.numbers.rows

    def number_column(self) -> NumberColumn | None:
        """The column for the decision on notations if its values are numbers, apart from rare slips; else None."""
        values = sum(rows for form, rows in self.counts.items() if form != "blank")
        slips = values - self.number_rows
        # Only words are slips: a code with a leading zero, or A12, says that the column holds codes.
        if not self.number_rows or slips > RARE_WORDS * values or slips > self.counts["word"] + self.counts["pair"]:
            return None
        fractions = sum(self.counts[form] for form in ("float", "whole", "large")) - self.numbers.plus
        return NumberColumn(self.numbers, fractions)

    def without(self, missing: tuple[str, ...]) -> "Forms":
        """The same if those markers mean "missing"; the others are values."""
        gone = sum(rows for value, rows in self.markers.items() if value in missing)
        counts = Counter(self.counts)
        for value, rows in self.markers.items():
            if value not in missing:
                counts["float" if value.strip().lower() == "nan" else "word"] += rows
        return Forms(
            self.rows,
            self.nulls + gone,
            counts,
            formats=self.formats,
            colons=self.colons,
            numbers=self.numbers,
            notation=self.notation,
            torn=self.torn,
        )

    def _solid(self) -> Mapping[str, int]:
        """The counts that decide the type: without blanks, and without words where they are rare."""
        counts = {form: rows for form, rows in self.counts.items() if form != "blank"}
        impossible = counts.get("impossible", 0)
        dates = counts.get("date", 0) + counts.get("timestamp", 0)
        if impossible < MOST_IMPOSSIBLE * (dates + impossible):
            counts.pop("impossible", None)
        words = counts.get("word", 0) + counts.get("pair", 0)
        if 0 < words <= RARE_WORDS * sum(counts.values()):
            counts = {form: rows for form, rows in counts.items() if form not in ("word", "pair")}
        return counts


def count_forms(column: pa.Array, into: Forms) -> None:
    """Adds the values of a string array."""
    into.rows += len(column)
    into.nulls += column.null_count
    distinct = column.drop_null().value_counts()
    values, rows = distinct.field("values"), distinct.field("counts").to_numpy(zero_copy_only=False)
    trimmed = pc.utf8_trim(values, " \t")  # Arrow's CSV reader takes " 5" for 5
    marker = pc.is_in(trimmed, value_set=pa.array(sorted(MARKERS))).to_numpy(zero_copy_only=False)
    for value, count in zip(values.filter(pa.array(marker)).to_pylist(), rows[marker], strict=True):
        if value == "":
            into.counts["blank"] += int(count)
        else:
            into.markers[value] += int(count)
    trimmed, rows = trimmed.filter(pa.array(~marker)), rows[~marker]
    for form, pattern in FORMS:
        if not len(rows):
            return
        hit = pc.match_substring_regex(trimmed, pattern).to_numpy(zero_copy_only=False)
        if hit.any():
            if form in CHECKED_EACH:
                cells, of_cells = trimmed.filter(pa.array(hit)), rows[hit]
                gone = parse(cells, CHECKED_EACH[form]).is_null().to_numpy(zero_copy_only=False)
                for name, which in ((form, ~gone), ("impossible", gone)):
                    if which.any():
                        into.counts[name] += int(of_cells[which].sum())
            else:
                into.counts[_checked(form, trimmed, hit)] += int(rows[hit].sum())
            if form == "dated":
                into.formats.update(count_notations(trimmed.filter(pa.array(hit)), rows[hit]))
            if form in ("clock", "elapsed"):
                colons = pc.count_substring(trimmed.filter(pa.array(hit)), ":").to_numpy(zero_copy_only=False)
                for count in (1, 2):
                    into.colons[count] += int(rows[hit][colons == count].sum())
            if form in ("whole", "float"):
                count_points(trimmed.filter(pa.array(hit)), np.zeros(hit.sum(), int), rows[hit], [into.numbers])
            trimmed, rows = trimmed.filter(pa.array(~hit)), rows[~hit]
    into.counts["text"] += int(rows.sum())
    count_numbers(trimmed, np.zeros(len(rows), int), rows, [into.numbers])


def _checked(form: str, values: pa.Array, hit: np.ndarray) -> str:
    if form not in CHECKED:
        return form
    holds, fails, arrow = CHECKED[form]
    return fails if parse(values.filter(pa.array(hit)), arrow).null_count else holds


def missing_markers(columns: Mapping[str, Forms]) -> tuple[str, ...]:
    """The markers in use, "" first.

    A marker counts if the rest of a column are numbers, dates or truth values; or, among texts, if it means nothing
    else (STRONG_MARKERS) and is not most of the column. Blanks alone are no value anywhere. "NA" among codes of two
    letters is a continent or a country.

    A marker means the same in all columns, so one of WORDS among numbers counts only if no column of texts has it as
    one of its values, in more than RARE_VALUES of its rows.
    """
    found: set[str] = set()
    texts = [forms for forms in columns.values() if forms.without(tuple(forms.markers)).type == "string"]
    values_of_texts = {
        marker
        for forms in texts
        for marker, rows in forms.markers.items()
        if marker.strip() in WORDS and rows > RARE_VALUES * (forms.rows - forms.nulls)
        if forms.rows - forms.nulls > sum(forms.markers.values())
    }
    for forms in columns.values():
        rest = forms.without(tuple(forms.markers))
        values = sum(rest.counts.values())
        if values and rest.type != "string":
            found.update(forms.markers.keys() - values_of_texts)
            continue
        for marker, rows in forms.markers.items():
            code = marker == "NA" and rest.counts["pair"] > values / 2
            if not marker.strip():  # blanks and nothing else
                found.add(marker)
            if marker.strip() in STRONG_MARKERS and not code and rows <= MOST_MISSING * (forms.rows - forms.nulls):
                found.add(marker)
    return ("", *sorted(found))
