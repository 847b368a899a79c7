"""The header of a CSV file: its columns' names, found before anything else is read."""

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
"""Read at a time to find the header."""
_MARKS = b"\r\n\xef\xbb\xbf"


@dataclass(frozen=True)
class Header:
    """The header of a CSV file.

    Attributes:
      names: Of its columns.
      bytes: How many it has, as UTF-8.
      nameless: Columns behind the last one with a name, as a spreadsheet leaves them.
    """

    names: list[str]
    bytes: int
    nameless: int = 0


def read_header(filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions) -> Header:
    """The header of a CSV file.

    Raises:
      InputError: No header can be read, or it is longer or wider than the limits allow.
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
    if head.count(delimiter.encode()) >= limits.max_columns:  # before Arrow makes an object of each
        limits.check_columns(file.name, _columns(head, delimiter))
    try:
        # Everything as bytes: only the names are wanted, and a bad cell further down has its own, better message.
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
    """The bytes up to the end of the first line with something in it, or all that could be read in `limit` bytes."""
    head, at, quotes = bytearray(), 0, 0
    seen = False  # something that is no line break
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
    """How many cells the header has."""
    text_csv.field_size_limit(max(text_csv.field_size_limit(), len(head)))
    text = io.StringIO(head.decode("utf-8", "replace"), newline="")
    return len(next((row for row in text_csv.reader(text, delimiter=delimiter) if row), []))


def _native(content: bytes) -> pa.BufferReader:
    """A stream over a copy in Arrow's memory: its threads must not have to let go of anything of Python's."""
    with pa.BufferOutputStream() as copy:
        copy.write(content)
        return pa.BufferReader(copy.getvalue())
