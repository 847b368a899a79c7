"""The table [data]: where the rows are, how they are written, and which of them a run takes."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from components.shared.errors import ConfigError
from components.shared.spellings.canonical_spellings import check_spellings
from components.table_reading.csv.transcoding import encoding_name
from components.table_reading.databases.addresses import is_database
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits
from pipeline.settings.sections.balance import ExtraSection
from pipeline.settings.sections.numbers import Decimal, NumbersSection, Thousands
from pipeline.settings.sections.section import ConfigSection, Names, Policy

if TYPE_CHECKING:
    from components.table_reading.read_options import ReadOptions


class DataSection(ConfigSection):
    """Where spans lie and which of them a run takes."""

    directory: str
    """Folder or URL of the span files; a relative path is relative to the working directory. Or URL of a database
    (extra `sql`), without credentials: postgresql://host/database, sqlite:///file.db, duckdb:///file.duckdb."""
    pattern: str = "span-{span}.csv"
    """File name of a span; `{span}` stands for its number, leading zeros allowed. Without `{span}` it is the one file
    there is, and its rows are dealt to train and eval by a hash of their id columns. Through folders, and with `*`, a
    span has several files, and folders named column=value give columns: month={span}/*.parquet, region=*/*.parquet. A
    span may be named by a date, 2024-03 or 2024-03-31, and is numbered as with span_by: 202403, 202413, 20240331."""
    query: str = ""
    """Of a database: the SELECT that gives the rows. `{span}` in it becomes each value of `spans_query`."""
    spans_query: str = ""
    """Of a database: the SELECT whose first column gives the spans there are, numbers or dates."""
    password_variable: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Environment variable that holds the database's password; empty is PGPASSWORD or ~/.pgpass."""
    sheet: str = ""
    """Of a spreadsheet (extra `excel`): the sheet to read; empty is the first that is not hidden."""
    window: Annotated[int, Field(ge=1)] = 3
    """Number of spans in `train`; the span after them is `eval`."""
    eval_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the rows in `eval` where there are no spans."""
    span_by: Literal["", "day", "week", "month", "quarter", "year"] = ""
    """Cuts the rows of one file, or of several, into spans by [dataset] time. A span is numbered by its period:
    20131231, 201352 (ISO week), 201312, 20134 (quarter) or 2013. Periods without rows are no spans."""
    date_format: dict[str, str] = {}
    """Column -> how its dates are written, where they are no ISO 8601: as Python's strptime takes it ("%d.%m.%Y"), or
    "epoch_s", "epoch_ms", "epoch_us" or "epoch_ns" for numbers since 1970-01-01 UTC."""
    latest_year: dict[str, Annotated[int, Field(ge=1900, le=2199)]] = {}
    """Column of dates -> the latest year that two digits ("%y") mean; the hundred years up to it are read. Without it
    2068: 68 is 2068 and 69 is 1969. Dates of birth are none of the future, so init sets the current year for them."""
    list_separator: dict[str, Annotated[str, Field(min_length=1)]] = {}
    """Column -> what is between the items of a list in one cell of text; blanks around an item are no part of it."""
    infinity: Literal["missing", "error"] = "missing"
    """An infinite number: `missing` counts and reports it and takes it for missing, `error` stops."""
    missing: Names = ("",)
    """Cells of a CSV that mean "no value"; a quoted one is a text."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """Between the cells of a CSV."""
    encoding: str = "utf-8"
    """Of a CSV, by Python's names: `utf-8`, `cp1252`, `latin-1`, `utf-16`. A byte order mark is taken off."""
    header_row: Annotated[int, Field(ge=1)] = 1
    """Line of a CSV's header, the first being 1; what is above it is skipped, empty lines below it too."""
    skip_footer: Annotated[int, Field(ge=0, le=1000)] = 0
    """Lines at the end of a CSV that are no rows, as a total; lines without a value are not counted."""
    comment: Annotated[str, Field(max_length=1)] = ""
    """Lines of a CSV that begin with it are skipped; empty skips none."""
    decimal: Decimal = "."
    """Between the whole part of a CSV's numbers and their fraction."""
    thousands: Thousands = ""
    """Between groups of three digits of a CSV's numbers; empty is nothing. Groups may also be left out."""
    numbers: dict[str, NumbersSection] = {}
    """Column -> how its numbers are written in a CSV, where that is not as `decimal` and `thousands` say."""
    on_type_mismatch: Policy = "block"
    """A value that does not fit its column's type: `block` stops, `warn` makes it missing, counts and reports it."""
    corrections: str = ""
    """File or URL of corrections by hand (id, field, value, reason, by, when), applied as rows are read. Empty is
    data/<dataset>/corrections.csv, or corrections.csv beside this file, if it is there."""
    extra: tuple[ExtraSection, ...] = ()
    """Slices of which rows of older spans are added to what is learned from."""
    values: dict[str, dict[str, str]] = {}
    """Column -> spelling -> the value it stands for, of a label or another column of texts: applied as rows are read,
    so that statistics, drift, audit and training see one value, and in the served model."""
    renamed: dict[str, str] = {}
    """Column -> the name that it has in files that lack it: older spans, from before it was renamed."""
    max_columns: Annotated[int, Field(ge=1)] = DEFAULT_LIMITS.max_columns
    """Columns that a file may have."""
    max_header_bytes: Annotated[int, Field(ge=1024)] = DEFAULT_LIMITS.max_header_bytes
    """Bytes of a CSV file's header, of a Parquet file's footer, of an Arrow file's schema."""
    max_line_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = DEFAULT_LIMITS.max_line_bytes
    """Bytes of one row of a CSV file; also how much of it is read at a time."""
    max_expansion: Annotated[int, Field(ge=1)] = DEFAULT_LIMITS.max_expansion
    """Unpacked bytes for each byte of a compressed file, once there are more than 64 MiB of them."""

    @property
    def limits(self) -> Limits:
        """What a file may ask for, as its readers take it."""
        return Limits(self.max_columns, self.max_header_bytes, self.max_line_bytes, self.max_expansion)

    def read_options(self, misfits: Policy | None = None, limits: Limits | None = None) -> "ReadOptions":
        """How the files are read; `misfits` and `limits` instead of the settings' where given."""
        from components.table_reading.read_options import ReadOptions  # settings are refused without waiting for Arrow

        return ReadOptions(
            self.missing,
            self.delimiter,
            misfits or self.on_type_mismatch,
            limits or self.limits,
            self.values,
            self.renamed,
            self.sheet,
            self.spans_query,
            self.password_variable,
            self.date_format,
            self.list_separator,
            self.infinity,
            encoding_name(self.encoding),
            self.header_row,
            self.skip_footer,
            self.comment,
            self.decimal,
            self.thousands,
            {column: one.notation(self.decimal, self.thousands) for column, one in self.numbers.items()},
            self.latest_year,
        )

    @property
    def has_spans(self) -> bool:
        """False for a single file that is not cut into spans."""
        return "{span}" in (self.query or self.pattern) or bool(self.span_by)

    @field_validator("values")
    @classmethod
    def _spellings_are_of_one_step(cls, values: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        try:
            check_spellings(values)
        except ConfigError as exc:
            raise ValueError(str(exc).removeprefix("[data.values] ")) from exc
        return values

    @field_validator("encoding")
    @classmethod
    def _an_encoding(cls, encoding: str) -> str:
        try:
            encoding_name(encoding)
        except LookupError as exc:
            raise ValueError("must be an encoding that Python knows, as utf-8, cp1252, latin-1, utf-16") from exc
        return encoding

    @model_validator(mode="after")
    def _marks_differ(self) -> "DataSection":
        for column, one in {"": NumbersSection(), **self.numbers}.items():
            decimal, thousands = one.marks(self.decimal, self.thousands)
            if decimal == thousands:
                where = f"numbers.{column}: " if column else ""
                raise ValueError(f"{where}decimal and thousands must differ")
        return self

    @field_validator("pattern")
    @classmethod
    def _at_most_one_span(cls, pattern: str) -> str:
        if pattern.count("{span}") > 1 or not pattern:
            raise ValueError("must hold {span} once, as span-{span}.csv does, or be the name of one file")
        if ".." in pattern.split("/") or pattern.startswith("/"):
            raise ValueError("must be a path below [data] directory")
        return pattern

    @model_validator(mode="after")
    def _queries_fit(self) -> "DataSection":
        database = is_database(self.directory)
        if database and not self.query:
            raise ValueError(f"query: missing; {self.directory} is a database, whose rows a SELECT gives")
        for key in ("query", "spans_query", "password_variable"):
            if not database and getattr(self, key):
                raise ValueError(f"{key}: is for databases, and {self.directory} is none; take it out")
        if ("{span}" in self.query) != bool(self.spans_query):
            raise ValueError("spans_query: goes with a query that has {span} in it; set both or none")
        return self
