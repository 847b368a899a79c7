"""Detects the dialect of CSV files, and streams their rows as strings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from pyarrow import csv, fs

from components.shared.errors import InputError, UsageError
from components.table_reading.cells.number_notation import DECIMALS, THOUSANDS
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.column_matching import unknown_names
from components.table_reading.csv.arrow_reader import csv_batches
from components.table_reading.csv.encoding_detection import FileBytes, look_at
from components.table_reading.csv.errors import explain
from components.table_reading.csv.header import read_header
from components.table_reading.csv.layout import find_layout
from components.table_reading.csv.nameless_columns import Renamed, placeholders, without_nameless
from components.table_reading.csv.stream import StreamState
from components.table_reading.csv.text import open_text
from components.table_reading.csv.transcoding import UTF8, encoding_name
from components.table_reading.formats.decompression import Unpacked
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits
from components.table_reading.read_options import ReadOptions, TypeCandidates, count_type_candidates, missing_markers
from components.table_reading.spans import SpanFile

HEAD_BYTES = TAIL_BYTES = 256 << 10


def string_batches(filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions) -> Iterator[pa.RecordBatch]:
    """Streams the rows of a CSV file with every column as a string.

    Args:
      filesystem: Filesystem of the file.
      file: A CSV file.
      options: Read options; unquoted cells of `missing` become null.

    Raises:
      InputError: The file is empty or cannot be read.
    """
    if file.bytes == 0:
        raise InputError(f"{file.name}: is empty")
    try:
        header = read_header(filesystem, file, options)
        options.limits.check_columns(file.name, len(header.names))
        unknown_names(file.name, header.names, header.names)
        names = [*header.names, *placeholders(header)]
        parse = csv.ParseOptions(delimiter=options.delimiter, newlines_in_values=True)
        block_bytes = max(options.limits.max_line_bytes, header.bytes)
        read = csv.ReadOptions(block_size=block_bytes, use_threads=False)
        convert = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=list(options.missing),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        with open_text(filesystem, file, options) as text:
            if not header.nameless:
                yield from csv_batches(text, read, parse, convert, StreamState())
                return
            renamed = Renamed(text, header, options.delimiter)
            batches = csv_batches(renamed, read, parse, convert, StreamState())
            yield from without_nameless(batches, header, file.name, options.header_row)
    except pa.ArrowInvalid as exc:
        message = explain(str(exc), names, options.limits, options.header_row)
        raise InputError(f"{file.name}: cannot be read as CSV ({message})") from exc
    except OSError as exc:
        raise InputError(f"{file.name}: cannot be read ({shorten(' '.join(str(exc).split()))})") from exc


@dataclass(frozen=True)
class Dialect:
    """The detected dialect of CSV files.

    Attributes:
      options: Read options with the detected values; settings given by the user are unchanged.
      assumed: Detected deviations from the defaults: (description, setting that overrides it).
      doubt: A possible problem for which no setting is proposed; "" for none.
    """

    options: ReadOptions
    assumed: tuple[tuple[str, str], ...] = ()
    doubt: str = ""


def detect_dialect(
    filesystem: fs.FileSystem,
    files: Sequence[SpanFile],
    limits: Limits = DEFAULT_LIMITS,
    fixed: Sequence[str] = (),
    base: ReadOptions | None = None,
) -> Dialect:
    """Detects encoding, delimiter, header row, comments and footer of CSV files.

    Args:
      filesystem: Filesystem of the files.
      files: CSV files of one table. The first determines encoding and layout; if it is ASCII, the first file that is
        not ASCII determines the encoding.
      limits: Read limits.
      fixed: Settings of the command line, each `name=value`, see `with_settings`; these are not detected.
      base: Read options for everything else; None for the defaults.

    Raises:
      InputError: A file cannot be read.
      UsageError: A setting of `fixed` is invalid.
    """
    known = with_settings(replace(base or ReadOptions(), limits=limits), fixed)
    given = {setting.partition("=")[0] for setting in fixed}
    looks = [_look(filesystem, file, limits) for file in files[:1]]
    others = iter(files[1:])
    while looks[-1].guess.ascii and (file := next(others, None)):
        looks.append(_look(filesystem, file, limits))
    guess = looks[-1].guess
    encoding = known.encoding if "encoding" in given else guess.encoding
    assumed = []
    if encoding_name(encoding) != UTF8 and "encoding" not in given:
        sure = "" if guess.certain else f", a guess: it reads {', '.join(map(repr, guess.words))}"
        assumed.append((f"the encoding is {encoding}{sure}", "[data] encoding, or --csv encoding=NAME"))
    head, tail = (_decoded(content, encoding) for content in (looks[0].head, looks[0].tail))
    whole = looks[0].size <= min(HEAD_BYTES, TAIL_BYTES)
    found = find_layout(head, tail, whole, known.delimiter if "delimiter" in given else "")
    layout = {
        "delimiter": found.delimiter,
        "header_row": found.header_row,
        "skip_footer": found.skip_footer,
        "comment": found.comment,
    }
    layout = {name: value for name, value in layout.items() if name not in given}
    options = replace(known, encoding=encoding_name(encoding), **layout)  # type: ignore[arg-type]
    if layout.get("header_row", 1) != 1:
        what = f"line {found.header_row} is the header ({shorten(found.header)}); the lines above it are skipped"
        assumed.append((what, "[data] header_row, or --csv header_row=LINE"))
    if count := layout.get("skip_footer", 0):
        lines = "the last line is a footer" if count == 1 else f"the last {count} lines are a footer"
        what = f"{lines} ({shorten(found.footer)}) and skipped"
        assumed.append((what, "[data] skip_footer, or --csv skip_footer=0"))
    if layout.get("comment"):
        what = f"lines that begin with {found.comment} are comments and skipped"
        assumed.append((what, "[data] comment, or --csv comment="))
    if nameless := _nameless(filesystem, files[0], options):
        what = (
            "column has neither name nor value and is"
            if nameless == 1
            else (f"{nameless} columns have neither name nor value and are")
        )
        assumed.append((f"the last {what} skipped", "a name in the header"))
    return Dialect(options, tuple(assumed), "" if "header_row" in given else found.doubt)


def _nameless(filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions) -> int:
    try:
        return read_header(filesystem, file, options).nameless
    except (InputError, OSError):
        return 0  # reading the file reports the error


CSV_SETTINGS = ("encoding", "delimiter", "header_row", "skip_footer", "comment", "decimal", "thousands")


def with_settings(options: ReadOptions, settings: Sequence[str]) -> ReadOptions:
    """Applies the settings of the command line to read options.

    Args:
      options: Read options.
      settings: Each `name=value`, name from CSV_SETTINGS.

    Raises:
      UsageError: An unknown name or an invalid value; the message lists the legal ones.
    """
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in CSV_SETTINGS:
            raise UsageError(f"--csv {setting}: no such setting; legal: {', '.join(CSV_SETTINGS)}, as encoding=cp1252")
        legal: dict[str, Sequence[str]] = {"decimal": DECIMALS, "thousands": THOUSANDS}
        if name in legal and value not in legal[name]:
            raise UsageError(f"--csv {setting}: no such value; legal: {', '.join(map(repr, legal[name]))}")
        if name == "encoding":
            try:
                value = encoding_name(value)
            except LookupError as exc:
                raise UsageError(
                    f"--csv {setting}: unknown encoding; examples: utf-8, cp1252, utf-16, latin-1"
                ) from exc
        if name in ("header_row", "skip_footer"):
            if not value.isdecimal() or int(value) < (name == "header_row"):
                raise UsageError(f"--csv {setting}: must be a whole number, as {name}=2")
            options = replace(options, **{name: int(value)})  # type: ignore[arg-type]
            continue
        value = {"\\t": "\t", "tab": "\t"}.get(value, value) if name == "delimiter" else value
        if (name in ("delimiter", "comment") and len(value) > 1) or (name == "delimiter" and not value):
            raise UsageError(f"--csv {setting}: must be one character, as {name}=;")
        options = replace(options, **{name: value})  # type: ignore[arg-type]
    if options.decimal == options.thousands:
        raise UsageError(f"--csv decimal={options.decimal}: decimal mark and thousands separator must differ")
    return options


def _look(filesystem: fs.FileSystem, file: SpanFile, limits: Limits) -> FileBytes:
    try:
        with Unpacked(filesystem, file, limits) as stream:
            return look_at(stream, HEAD_BYTES, TAIL_BYTES)
    except OSError as exc:
        raise InputError(f"{file.name}: cannot be read ({' '.join(str(exc).split())[:200]})") from exc


def _decoded(content: bytes, encoding: str) -> str:
    """Decodes the beginning or end of a file; UTF-16 without a byte order mark in the machine's byte order."""
    return content.decode(encoding, "replace").removeprefix("\ufeff")


def detect_delimiter(filesystem: fs.FileSystem, file: SpanFile, limits: Limits = DEFAULT_LIMITS) -> str:
    """Detects the delimiter of a CSV file; InputError if it cannot be read.

    Args:
      filesystem: Filesystem of the file.
      file: A CSV file.
      limits: Read limits.
    """
    return detect_dialect(filesystem, [file], limits).options.delimiter


def detect_options(filesystem: fs.FileSystem, *files: SpanFile) -> ReadOptions:
    """Detects read options of CSV files: the dialect of the first, and the missing-value markers of all."""
    options = detect_dialect(filesystem, files).options
    columns: dict[str, TypeCandidates] = {}
    for file in files:
        for batch in string_batches(filesystem, file, options):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                count_type_candidates(column, columns.setdefault(name, TypeCandidates()))
    return replace(options, missing=missing_markers(columns))
