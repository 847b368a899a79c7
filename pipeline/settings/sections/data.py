"""The table [data]: location and format of the rows, and the selection of a run's rows."""

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
    """Location and format of the data, and the window of a run."""

    directory: str
    """Folder or URL of the span files; a relative path is relative to the working directory. Or URL of a database
    (extra `sql`), without credentials: postgresql://host/database, sqlite:///file.db, duckdb:///file.duckdb."""
    pattern: str = "span-{span}.csv"
    """File name of a span; `{span}` stands for its number, leading zeros allowed. Without `{span}` there is
    one file, whose rows are divided into train and eval, see `eval_share`. With folders and `*` a span has several
    files; folders named column=value add columns: month={span}/*.parquet, region=*/*.parquet. A span may be named by a
    date, 2024-03 or 2024-03-31, and is numbered as with span_by: 202403, 202413, 20240331."""
    query: str = ""
    """SELECT statement for the rows of a database. `{span}` is replaced by each value of `spans_query`."""
    spans_query: str = ""
    """SELECT statement whose first column has the spans of a database, as numbers or dates."""
    password_variable: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Environment variable with the database's password; empty is PGPASSWORD or ~/.pgpass."""
    sheet: str = ""
    """Sheet of a spreadsheet (extra `excel`); empty is the first visible sheet."""
    window: Annotated[int, Field(ge=1)] = 3
    """Number of spans in `train`; the span after them is `eval`."""
    eval_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the rows in `eval` for data without spans: the newest by [dataset] time if that is set, else those that
    a hash of the id columns selects."""
    span_by: Literal["", "day", "week", "month", "quarter", "year"] = ""
    """Divides the rows of one or several files into spans by [dataset] time. A span is numbered by its period:
    20131231, 201352 (ISO week), 201312, 20134 (quarter) or 2013. Periods without rows are not spans."""
    date_format: dict[str, str] = {}
    """Column -> format of dates that are not ISO 8601: a format of Python's strptime ("%d.%m.%Y"), or "epoch_s",
    "epoch_ms", "epoch_us" or "epoch_ns" for numbers since 1970-01-01 UTC."""
    latest_year: dict[str, Annotated[int, Field(ge=1900, le=2199)]] = {}
    """Column of dates -> latest year of two-digit years ("%y"), which are read as the hundred years up to it. The
    default is 2068: 68 is 2068 and 69 is 1969. For dates of birth init sets the current year."""
    list_separator: dict[str, Annotated[str, Field(min_length=1)]] = {}
    """Column -> separator of list items in a text cell; blanks around items are stripped."""
    infinity: Literal["missing", "error"] = "missing"
    """Policy for infinite numbers: `missing` reports them and reads them as missing, `error` stops."""
    missing: Names = ("",)
    """CSV cells that mean "no value"; a quoted cell is text."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """Delimiter of CSV cells."""
    encoding: str = "utf-8"
    """Python's name of the encoding of CSV files: `utf-8`, `cp1252`, `latin-1`, `utf-16`. A byte order mark is
    removed."""
    header_row: Annotated[int, Field(ge=1)] = 1
    """Line number of the CSV header, from 1; lines above it and empty lines below it are skipped."""
    skip_footer: Annotated[int, Field(ge=0, le=1000)] = 0
    """Number of lines at the end of a CSV that are not rows, such as a total; lines without a value do not count."""
    comment: Annotated[str, Field(max_length=1)] = ""
    """CSV lines that begin with this text are skipped; empty skips none."""
    decimal: Decimal = "."
    """Decimal mark of numbers in CSV files."""
    thousands: Thousands = ""
    """Optional thousands separator of numbers in CSV files; empty is none."""
    numbers: dict[str, NumbersSection] = {}
    """Column -> number format in CSV files, if it differs from `decimal` and `thousands`."""
    on_type_mismatch: Policy = "block"
    """Policy for type mismatches: `block` stops, `warn` reports them and reads them as missing."""
    corrections: str = ""
    """File or URL of corrections (id, field, value, reason, by, when), which ingest applies. Empty is
    data/<dataset>/corrections.csv, or corrections.csv beside this file, if it exists."""
    extra: tuple[ExtraSection, ...] = ()
    """Slices whose rows from older spans are added to the training rows."""
    values: dict[str, dict[str, str]] = {}
    """Column -> spelling -> value, for the label and other text columns. Ingest and the served model apply it, so that
    statistics, drift, audit, training and predictions use one value."""
    renamed: dict[str, str] = {}
    """Column -> former name, in files of spans from before the column was renamed."""
    max_columns: Annotated[int, Field(ge=1)] = DEFAULT_LIMITS.max_columns
    """Maximum number of columns of a file."""
    max_header_bytes: Annotated[int, Field(ge=1024)] = DEFAULT_LIMITS.max_header_bytes
    """Maximum size in bytes of a CSV header, a Parquet footer or an Arrow schema."""
    max_line_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = DEFAULT_LIMITS.max_line_bytes
    """Maximum size in bytes of a CSV row; also the block size of the reader."""
    max_expansion: Annotated[int, Field(ge=1)] = DEFAULT_LIMITS.max_expansion
    """Maximum compression ratio of a file whose uncompressed size is above 64 MiB."""

    @property
    def limits(self) -> Limits:
        """Limits on the size of files, for the readers."""
        return Limits(self.max_columns, self.max_header_bytes, self.max_line_bytes, self.max_expansion)

    def read_options(self, on_type_mismatch: Policy | None = None, limits: Limits | None = None) -> "ReadOptions":
        """Returns the read options; `on_type_mismatch` and `limits` replace the settings' values if given."""
        from components.table_reading.read_options import ReadOptions  # Arrow is not needed to check settings

        return ReadOptions(
            self.missing,
            self.delimiter,
            on_type_mismatch or self.on_type_mismatch,
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
        """Whether the data have spans; False for a single file without span_by."""
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
