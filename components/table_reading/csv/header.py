"""Reads the header of a CSV file before its rows."""

import csv as text_csv
import io
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import csv, fs

from components.shared.errors import InputError
from components.table_reading.csv.errors import explain
from components.table_reading.csv.stream import UNNAMED, Readable
from components.table_reading.csv.text import open_text
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile

CHUNK_BYTES = 64 << 10
"""Bytes read at a time to find the end of the header."""
_MARKS = b"\r\n\xef\xbb\xbf"


@dataclass(frozen=True)
class Header:
    """The header of a CSV file.

    Attributes:
      names: Names of the columns.
      bytes: Length of the header as UTF-8, with its line break and empty lines above it.
      nameless: Number of columns without a name after the last named one, as spreadsheets write them.
    """

    names: list[str]
    bytes: int
    nameless: int = 0


def read_header(filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions) -> Header:
    """Reads the header of a CSV file.

    Args:
      filesystem: Filesystem of the file.
      file: A CSV file.
      options: Read options.

    Raises:
      InputError: The header cannot be read, or exceeds the limits of length or columns.
    """
    delimiter, limits = options.delimiter, options.limits
    with open_text(filesystem, file, options) as stream:
        head = first_line(stream, limits.max_header_bytes)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f'{file.name}: is UTF-16; set [data] encoding = "utf-16", or save it as UTF-8')
    if len(head) > limits.max_header_bytes:
        raise InputError(
            f"{file.name}: the header is longer than [data] max_header_bytes allows ({limits.max_header_bytes:,}); it "
            "has no line break, or a quote is not closed"
        )
    if head.count(delimiter.encode()) >= limits.max_columns:  # before Arrow allocates an object per column
        limits.check_columns(file.name, _columns(head, delimiter))
    try:
        # check_utf8=False: only the names matter here; invalid cells get a better message when rows are read.
        first = csv.open_csv(
            _native(head),
            read_options=csv.ReadOptions(block_size=max(1024, len(head)), use_threads=False),
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(check_utf8=False),
        )
        names: list[str] = first.schema.names
    except UnicodeDecodeError as exc:
        raise InputError(
            f"{file.name}: the header is not valid UTF-8 ({exc.reason} at byte {exc.start}); save it as UTF-8"
        ) from exc
    except pa.ArrowInvalid as exc:
        raise InputError(f"{file.name}: {explain(str(exc), [], limits)}") from exc
    names = [UNNAMED if not names[0] else names[0], *names[1:]]
    nameless = next((count for count, name in enumerate(reversed(names)) if name), 0)
    return Header(names[: len(names) - nameless], len(head), nameless)


def first_line(stream: Readable, limit: int) -> bytes:
    """Reads up to the end of the first line that is not empty; line breaks in quoted cells do not end it.

    Args:
      stream: The bytes, in UTF-8.
      limit: Maximum number of bytes, exceeded by at most one chunk.

    Returns:
      The bytes read, without those after the line; without a line end if the stream ends or `limit` is exceeded.
    """
    head, at, quotes = bytearray(), 0, 0
    seen = False  # whether a byte other than line breaks and byte order marks was read
    while len(head) <= limit and (chunk := stream.read(CHUNK_BYTES)):
        head += chunk
        while at < len(head):
            line_end = min((found for mark in (b"\r", b"\n") if (found := head.find(mark, at)) >= 0), default=-1)
            stop = len(head) if line_end < 0 else line_end + 1
            quotes += head.count(b'"', at, stop)
            seen = seen or bool(head[at:stop].strip(_MARKS))
            at = stop
            if line_end >= 0 and quotes % 2 == 0 and seen:
                return bytes(head[:at])
    return bytes(head)


def _columns(head: bytes, delimiter: str) -> int:
    """Number of cells of the header."""
    text_csv.field_size_limit(max(text_csv.field_size_limit(), len(head)))
    text = io.StringIO(head.decode("utf-8", "replace"), newline="")
    return len(next((row for row in text_csv.reader(text, delimiter=delimiter) if row), []))


def _native(content: bytes) -> pa.BufferReader:
    """A stream over a copy in Arrow's memory, so that Arrow's threads hold no Python objects, see arrow_reader.py."""
    with pa.BufferOutputStream() as copy:
        copy.write(content)
        return pa.BufferReader(copy.getvalue())
