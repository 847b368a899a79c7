"""Read options: the settings of [data] that all readers share, and the counts from which they are detected.

CSV files carry no types, so values are counted by their lexical form (`count_type_candidates`). Types and missing-value
markers are derived from these counts alone. Counts are additive: the distribution of rows over batches and files has no
effect.
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
"""Markers that mean "missing" in any column."""
MARKERS = STRONG_MARKERS | {"None", "none", "-", "--", ".", "na", "<NA>", "#VALUE!", "#REF!", "#DIV/0!", ""}
"""Markers that mean "missing" among numbers and dates; in a text column they may be values, such as "None"."""
MAX_MISSING = 0.5
"""In a text column, a marker with a larger share of the rows than this is a value."""
WORDS = frozenset({"None", "none"})
"""Markers that are words and therefore plausible values: none, mild, severe."""
RARE_VALUES = 0.02
"""Share of a text column's rows from which on a marker of WORDS is one of its values."""
RARE_WORDS = 1e-3
"""Largest share of words in a numeric column; below it they are type mismatches, above it the column is text."""

NUMBERS = ("bit", "int", "float")
FORMS = (  # (form, regular expression); the first match counts
    ("bit", r"^[01]$"),
    ("int", r"^-?(0|[1-9]\d{0,17})$"),
    ("long", r"^-?[1-9]\d{18,}$"),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$"),
    ("date", r"^\d{4}-\d\d-\d\d$"),
    ("timestamp", r"^\d{4}-\d\d-\d\d[ T]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?$"),
    ("large", r"^-?[1-9]\d{7,17}\.0+$"),  # whole, and too large to be exact as float32; see TypeCandidates.type
    ("whole", r"^-?(0|[1-9]\d{0,6})\.0+$"),
    ("clock", CLOCK),
    ("elapsed", LASTS),
    ("dated", DATED),
    ("code", r"^[+-]?0\d"),  # 007, 01.10: identifiers, not numbers
    ("float", r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity)$"),
    ("pair", r"^[A-Z][A-Z]$"),
    ("word", r"^[^0-9]*$"),
)
CHECKED = {"clock": ("clock", "elapsed", pa.time64("us")), "long": ("int", "big", pa.int64())}
"""Form -> (form if all values parse as the type, form otherwise, type)."""
CHECKED_EACH = {"date": pa.date32(), "timestamp": pa.timestamp("us")}
"""Form -> type; values that do not parse, such as February 30, get the form `impossible`."""
MAX_IMPOSSIBLE = 0.5
"""Share of nonexistent dates below which they are type mismatches; from it on the column is not a date column."""


@dataclass(frozen=True)
class ReadOptions:
    """Read options of a table. Most apply to CSV files and sheets; other formats carry the information themselves.

    Attributes:
      missing: Cells that mean "missing", compared exactly.
      delimiter: Character between the cells of a CSV file.
      on_type_mismatch: Policy for type mismatches: `block` raises an error, `warn` counts them and makes the values
        missing.
      limits: Read limits, for all formats.
      renamed: Column -> its former name, which is used for files that lack the column; for all formats.
      spellings: Column -> spelling variant -> canonical value, for all formats, see canonical_spellings.py.
      sheet: Sheet of a workbook; "" selects the first visible one.
      spans_query: For a database, the query that lists the spans.
      password_variable: For a database, the environment variable that contains the password.
      date_format: Column -> format of its dates, see time_parsing.py; ISO 8601 for other columns.
      list_separator: Column -> separator between the items of a list in one cell.
      infinity: Policy for infinite numbers: `missing` counts them and makes them missing, `error` raises an error.
      encoding: Python's name of the encoding; a byte order mark is removed.
      header_row: Line of the header, from 1; lines above it are skipped. If the line is empty, the header is the next
        line that is not.
      skip_footer: Number of lines at the end that are not rows; lines without values are skipped and not counted.
      comment: Prefix of comment lines, which are skipped; "" for none.
      decimal: Decimal mark.
      thousands: Separator between groups of three digits; "" for none.
      numbers: Column -> notation of its numbers, if it differs from `decimal` and `thousands`.
      latest_year: Column of dates -> latest year that a two-digit year can mean; 2068 for other columns.
    """

    missing: tuple[str, ...] = ("",)
    delimiter: str = ","
    on_type_mismatch: Literal["block", "warn"] = "block"
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
        """The notation of cells, by column."""
        return Notation(self.date_format, self.list_separator, self.numbers, self._table, self.latest_year)

    @property
    def _table(self) -> NumberNotation | None:
        """The number notation of columns that are not in `numbers`; None for the plain notation (1234.5)."""
        table = NumberNotation(self.decimal, self.thousands)
        return None if table.is_plain else table

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "ReadOptions":
        """Restores an instance from its `dataclasses.asdict` form, also after a round trip through JSON."""
        limits = Limits(**fields.get("limits", {}))
        numbers = {name: NumberNotation.from_fields(one) for name, one in fields.get("numbers", {}).items()}
        rest = {key: value for key, value in fields.items() if key not in ("missing", "limits", "numbers")}
        return cls(tuple(fields["missing"]), limits=limits, numbers=numbers, **rest)

    def notation_of(self, column: str) -> NumberNotation | None:
        """The number notation of a column; None for the plain notation (1234.5)."""
        return self.numbers.get(column) or self._table


@dataclass
class TypeCandidates:
    """Counts of the lexical forms of a column's values, from which its type is inferred.

    Attributes:
      rows: Rows counted.
      nulls: Rows without a value.
      counts: Form -> rows; `blank` is a quoted empty string.
      markers: Value that may mean "missing", exactly as written -> rows; not in `counts`.
      formats: Date formats of the form `dated`, see date_notations.count_notations.
      colons: For the forms `clock` and `elapsed`, number of colons -> rows: 1 as in 9:30, 2 as in 9:30:15.
      numbers: Counts of numbers in other notations than the plain one, among the texts.
      notation: Notation of the column's numbers, set after the decision; None for the plain notation (1234.5).
      torn: Whether the files write the column's numbers with contradictory decimal marks; it is then text.
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
        """Number of values in the form of a date that does not exist, such as February 30."""
        return self.counts["impossible"] + self.formats[IMPOSSIBLE]

    def add(self, other: "TypeCandidates") -> None:
        """Adds the counts of other rows of the column."""
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
        """The format of dates that are not ISO 8601, and a second one that fits all of them; "" for none."""
        dated, impossible = self.counts["dated"], self.formats[IMPOSSIBLE]
        dated -= impossible if impossible < MAX_IMPOSSIBLE * dated else 0
        return chosen(self.formats, (1 - RARE_WORDS) * dated) if dated else ("", "")

    @property
    def type(self) -> str:
        """The narrowest type alias for these values."""
        if self.torn:
            return "string"
        if self.notation is not None and (column := self.number_column()) is not None:
            whole = column.is_whole(self.notation)
            if whole and self.counts["big"] and not self.numbers.rows:
                return "string"  # ids beyond int64: different ones could become equal as float64
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
            # 58:12 is minutes and seconds beside 1:02:03, otherwise hours and minutes: a mixed column is ambiguous.
            return "string" if self.colons[1] and self.colons[2] else "duration"
        if forms <= {"date", "timestamp"}:
            return "timestamp" if "timestamp" in forms else "date"
        return "string"

    @property
    def mismatches(self) -> int:
        """Number of type mismatches: values that do not fit `type`, such as words among numbers."""
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
        """Number of values that are numbers in any notation."""
        return sum(self.counts[form] for form in (*NUMBERS, "whole", "large", "big")) + self.numbers.rows

    def number_column(self) -> NumberColumn | None:
        """The column as input of the notation decision if its values, apart from rare words, are numbers; else None."""
        values = sum(rows for form, rows in self.counts.items() if form != "blank")
        slips = values - self.number_rows
        # Only words are tolerated: a code with a leading zero, or A12, indicates a column of codes.
        if not self.number_rows or slips > RARE_WORDS * values or slips > self.counts["word"] + self.counts["pair"]:
            return None
        fractions = sum(self.counts[form] for form in ("float", "whole", "large")) - self.numbers.plus
        return NumberColumn(self.numbers, fractions)

    def without(self, missing: tuple[str, ...]) -> "TypeCandidates":
        """The counts with the given markers counted as missing and all other markers as values."""
        gone = sum(rows for value, rows in self.markers.items() if value in missing)
        counts = Counter(self.counts)
        for value, rows in self.markers.items():
            if value not in missing:
                counts["float" if value.strip().lower() == "nan" else "word"] += rows
        return TypeCandidates(
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
        """The counts that decide the type: without blanks, rare words, and few nonexistent dates."""
        counts = {form: rows for form, rows in self.counts.items() if form != "blank"}
        impossible = counts.get("impossible", 0)
        dates = counts.get("date", 0) + counts.get("timestamp", 0)
        if impossible < MAX_IMPOSSIBLE * (dates + impossible):
            counts.pop("impossible", None)
        words = counts.get("word", 0) + counts.get("pair", 0)
        if 0 < words <= RARE_WORDS * sum(counts.values()):
            counts = {form: rows for form, rows in counts.items() if form not in ("word", "pair")}
        return counts


def count_type_candidates(column: pa.Array, into: TypeCandidates) -> None:
    """Adds the values of a column to its counts.

    Args:
      column: Strings, [N].
      into: Counts, updated in place.
    """
    into.rows += len(column)
    into.nulls += column.null_count
    distinct = column.drop_null().value_counts()
    values, rows = distinct.field("values"), distinct.field("counts").to_numpy(zero_copy_only=False)
    trimmed = pc.utf8_trim(values, " \t")  # as Arrow's CSV reader parses " 5"
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


def missing_markers(columns: Mapping[str, TypeCandidates]) -> tuple[str, ...]:
    """Detects the missing-value markers of a table.

    In a column of numbers, dates or booleans every marker counts. In a text column only STRONG_MARKERS count, and only
    if the marker does not exceed MAX_MISSING of the values; "NA" does not count in a column of two-letter codes, where
    it is a continent or country. Whitespace alone counts in all columns.

    Markers apply to all columns. A marker of WORDS in a numeric column is therefore ignored if a text column has it as
    a value, in more than RARE_VALUES of its rows.

    Args:
      columns: Column -> counts.

    Returns:
      The markers, "" first, the others sorted.
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
            if marker.strip() in STRONG_MARKERS and not code and rows <= MAX_MISSING * (forms.rows - forms.nulls):
                found.add(marker)
    return ("", *sorted(found))
