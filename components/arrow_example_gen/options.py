"""How values are written in a CSV file: the settings of [data] that readers share, and how they are found out.

A file says nothing about itself, so its values are counted by the form they have (`count_forms`). That is a sum: it
does not matter how the rows are spread over batches and files, and a type or a marker follows from it alone.
"""

import csv as text_csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, fs

from components.arrow_example_gen.csv_errors import explain
from components.arrow_example_gen.csv_header import read_header
from components.arrow_example_gen.csv_reader import csv_batches
from components.arrow_example_gen.csv_stream import StreamState
from components.arrow_example_gen.date_notations import DATED, chosen, count_notations, has_time
from components.arrow_example_gen.limits import DEFAULT_LIMITS, Limits
from components.arrow_example_gen.misfits import one_line
from components.arrow_example_gen.names import unknown_names
from components.arrow_example_gen.notation import Notation
from components.arrow_example_gen.spans import SpanFile
from components.arrow_example_gen.text_cells import parse
from components.arrow_example_gen.time_cells import CLOCK, LASTS
from components.arrow_example_gen.unpacked import Unpacked
from components.errors import InputError
from components.spellings import Spellings

HEAD_BYTES = 256 << 10
DELIMITERS = (",", ";", "\t", "|")

STRONG_MARKERS = frozenset({"NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "Null", "\\N", "?", "NaT"})
"""Mean "missing" in any column."""
MARKERS = STRONG_MARKERS | {"None", "none", "-", "--", ".", "na", "<NA>", "#VALUE!", "#REF!", "#DIV/0!", ""}
"""Mean "missing" among numbers and dates; among texts they may be a value ("None" of three kinds of alley)."""
MOST_MISSING = 0.5
"""Among texts a marker of a larger share than this is a value."""
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
CHECKED = {
    "clock": ("clock", "elapsed", pa.time64("us")),
    "long": ("int", "big", pa.int64()),
    "date": ("date", "text", pa.date32()),
    "timestamp": ("timestamp", "text", pa.timestamp("us")),
}
"""Form -> what it is if all its values can be read as that type, and what if not (the 30th of February)."""


@dataclass(frozen=True)
class ReadOptions:
    """How a CSV file is to be read. Parquet and Arrow files carry this themselves.

    Attributes:
      missing: Cells that mean "no value here", exactly as they stand.
      delimiter: The character between cells.
      misfits: What a value of another type than the schema's does: `block` is an error, `warn` a counted finding.
      limits: What a file of any kind may ask for.
      renamed: Column -> the name that it has in files that lack it, of any kind of file.
      spellings: Column -> spelling -> the value it stands for, of any kind of file, see components/spellings.py.
      sheet: Of a workbook; "" is the first that is not hidden.
      spans_query: Of a database: the query that gives the spans there are.
      password_variable: Of a database: variable of the environment that holds the password.
      date_format: Column -> how its dates are written, see time_cells.py; without it ISO 8601.
      list_separator: Column -> what is between the items of a list in one cell.
      infinity: What an infinite number does: `missing` counts it and takes it for missing, `error` is an error.
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

    @property
    def notation(self) -> Notation:
        """How cells are written, by column."""
        return Notation(self.date_format, self.list_separator)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "ReadOptions":
        """What `dataclasses.asdict` made of one, and JSON of that."""
        limits = Limits(**fields.get("limits", {}))
        rest = {key: value for key, value in fields.items() if key not in ("missing", "limits")}
        return cls(tuple(fields["missing"]), limits=limits, **rest)


@dataclass
class Forms:
    """How often a column's values have which form.

    Attributes:
      rows: Rows counted.
      nulls: Rows without a value.
      counts: Form -> rows; `blank` is a quoted empty string.
      markers: Values that often mean "missing", exactly as they stand -> rows. They are in no form.
      formats: Of the form `dated`, see date_notations.count_notations.
    """

    rows: int = 0
    nulls: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    markers: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)

    @property
    def date_format(self) -> tuple[str, str]:
        """How dates that are not ISO 8601 are written, and how they may be as well; "" for none."""
        dated = self.counts["dated"]
        return chosen(self.formats, (1 - RARE_WORDS) * dated) if dated else ("", "")

    @property
    def type(self) -> str:
        """The narrowest type alias for these values."""
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
            return "duration" if "elapsed" in forms else "time"
        if forms <= {"date", "timestamp"}:
            return "timestamp" if "timestamp" in forms else "date"
        return "string"

    @property
    def misfits(self) -> int:
        """Values that are not of the column's type: the words among numbers, and quoted empty strings."""
        if self.type == "string":
            return 0
        wrong = sum(self.counts.values()) - sum(self._solid().values())
        written = self.date_format[0]
        return wrong + (self.counts["dated"] - self.formats[written] if written else 0)

    def without(self, missing: tuple[str, ...]) -> "Forms":
        """The same if those markers mean "missing"; the others are values."""
        gone = sum(rows for value, rows in self.markers.items() if value in missing)
        counts = Counter(self.counts)
        for value, rows in self.markers.items():
            if value not in missing:
                counts["float" if value.strip().lower() == "nan" else "word"] += rows
        return Forms(self.rows, self.nulls + gone, counts, formats=self.formats)

    def _solid(self) -> Mapping[str, int]:
        """The counts that decide the type: without blanks, and without words where they are rare."""
        counts = {form: rows for form, rows in self.counts.items() if form != "blank"}
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
            into.counts[_checked(form, trimmed, hit)] += int(rows[hit].sum())
            if form == "dated":
                into.formats.update(count_notations(trimmed.filter(pa.array(hit)), rows[hit]))
            trimmed, rows = trimmed.filter(pa.array(~hit)), rows[~hit]
    into.counts["text"] += int(rows.sum())


def _checked(form: str, values: pa.Array, hit: np.ndarray) -> str:
    if form not in CHECKED:
        return form
    holds, fails, arrow = CHECKED[form]
    return fails if parse(values.filter(pa.array(hit)), arrow).null_count else holds


def missing_markers(columns: Mapping[str, Forms]) -> tuple[str, ...]:
    """The markers in use, "" first.

    A marker counts if the rest of a column are numbers, dates or truth values; or, among texts, if it means nothing
    else (STRONG_MARKERS) and is not most of the column. "NA" among codes of two letters is a continent or a country.
    """
    found: set[str] = set()
    for forms in columns.values():
        rest = forms.without(tuple(forms.markers))
        values = sum(rest.counts.values())
        if values and rest.type != "string":
            found.update(forms.markers)
            continue
        for marker, rows in forms.markers.items():
            code = marker == "NA" and rest.counts["pair"] > values / 2
            if marker.strip() in STRONG_MARKERS and not code and rows <= MOST_MISSING * (forms.rows - forms.nulls):
                found.add(marker)
    return ("", *sorted(found))


def string_batches(filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions) -> Iterator[pa.RecordBatch]:
    """A CSV file's rows as they stand, every column a string; InputError where it cannot be read."""
    if file.bytes == 0:
        raise InputError(f"{file.name}: is empty")
    try:
        names, header_bytes = read_header(filesystem, file, options.delimiter, options.limits)
        options.limits.check_columns(file.name, len(names))
        unknown_names(file.name, names, names)
        parse = csv.ParseOptions(delimiter=options.delimiter, newlines_in_values=True)
        block_bytes = max(options.limits.max_line_bytes, header_bytes)
        read = csv.ReadOptions(block_size=block_bytes, use_threads=False)
        convert = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=list(options.missing),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        with Unpacked(filesystem, file, options.limits) as unpacked:
            yield from csv_batches(unpacked, read, parse, convert, StreamState())
    except pa.ArrowInvalid as exc:
        raise InputError(f"{file.name}: cannot be read as CSV ({explain(str(exc), names, options.limits)})") from exc
    except OSError as exc:
        raise InputError(f"{file.name}: cannot be read ({one_line(' '.join(str(exc).split()))})") from exc


def sniff_delimiter(head: str) -> str:
    """The delimiter that cuts the first lines into the most cells, equally many in (nearly) every line; else ","."""
    best, most = ",", 1
    for delimiter in DELIMITERS:
        try:
            records = [row for row in text_csv.reader(head.splitlines(keepends=True), delimiter=delimiter) if row]
        except text_csv.Error:
            continue
        if records and any(cell.count('"') % 2 for cell in records[0]):
            continue  # it cuts through a quoted name
        # The head ends somewhere in a line.
        widths = [len(record) for record in (records[:-1] or records)[:200]]
        if widths and widths[0] > most and widths.count(widths[0]) >= 0.9 * len(widths):
            best, most = delimiter, widths[0]
    return best


def detect_delimiter(filesystem: fs.FileSystem, file: SpanFile, limits: Limits = DEFAULT_LIMITS) -> str:
    """The delimiter of a CSV file, from its first HEAD_BYTES."""
    try:
        with Unpacked(filesystem, file, limits) as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as exc:
        raise InputError(f"{file.name}: cannot be read ({' '.join(str(exc).split())[:200]})") from exc
    return sniff_delimiter(head.decode("utf-8", "replace"))


def detect_options(filesystem: fs.FileSystem, *files: SpanFile) -> ReadOptions:
    """How CSV files are to be read: the delimiter of the first, the markers for missing values in all of them."""
    options = ReadOptions(delimiter=detect_delimiter(filesystem, files[0]))
    columns: dict[str, Forms] = {}
    for file in files:
        for batch in string_batches(filesystem, file, options):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                count_forms(column, columns.setdefault(name, Forms()))
    return replace(options, missing=missing_markers(columns))
