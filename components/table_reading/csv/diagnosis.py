"""Explains why a CSV file cannot be read: other delimiter, encoding, header row or number notation than configured."""

import codecs
import csv as text_csv
import io
import re
from collections.abc import Collection
from dataclasses import replace

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.cells.number_notation import MARKS, NumberNotation
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.csv.dialect import HEAD_BYTES, TAIL_BYTES
from components.table_reading.csv.encoding_detection import BLOCK, Guess, look_at
from components.table_reading.csv.layout import LOOKED_AT, MAX_ABOVE, find_layout, sniff_delimiter
from components.table_reading.csv.stream import Readable
from components.table_reading.csv.text import table_of
from components.table_reading.csv.transcoding import UTF8, encoding_name
from components.table_reading.formats.decompression import Unpacked
from components.table_reading.read_options import ReadOptions, TypeCandidates, count_type_candidates
from components.table_reading.spans import SpanFile

WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def diagnose(
    filesystem: fs.FileSystem,
    file: SpanFile,
    options: ReadOptions,
    expected: Collection[str],
    message: str = "",
    column: str = "",
) -> str:
    """Explains a failed read in one line.

    Args:
      filesystem: Filesystem of the file.
      file: A CSV file.
      options: Read options of the failed read.
      expected: Columns that the file should have.
      message: Message of the reader; "" if there is none.
      column: The column whose numbers could not be parsed; "" if unknown.

    Returns:
      The explanation; "" if encoding, delimiter, header row and number notation match the options.
    """
    try:
        with Unpacked(filesystem, file, options.limits) as stream:
            look = look_at(stream, HEAD_BYTES, TAIL_BYTES)
    except (OSError, pa.ArrowException, InputError):
        return ""
    encoding = encoding_name(options.encoding)
    if reason := _encoding(filesystem, file, options, encoding, look.guess, message):
        return reason
    head = look.head.decode(encoding, "replace").removeprefix("\ufeff")
    if reason := _table(file, options, head, set(expected)):
        return reason
    if named := re.search(
        r": column '(.*)', row \d+.*: invalid value '.*' where the schema says (?:int64|float64|double)", message
    ):
        column = named[1]
    place = re.search(r", row \d+ \(the header is row \d+\)(?=: )", message)
    return _numbers(file, options, look.head, column, place[0] if place else "") if column else ""


def _numbers(file: SpanFile, options: ReadOptions, head: bytes, column: str, row: str) -> str:
    """Explains unreadable numbers of a column by their notation in the first lines; "" if it matches the options."""
    text = table_of(io.BytesIO(head), file.name, replace(options, skip_footer=0))
    try:
        content = b"".join(iter(text.read, b"")).decode()
    except InputError:
        return ""  # the head ends inside a character
    try:
        rows = list(text_csv.reader(io.StringIO(content, newline=""), delimiter=options.delimiter))
    except text_csv.Error:  # Python 3.10 reads no NUL
        return ""
    rows = [row for row in rows if row][: 1 + LOOKED_AT]
    place = rows[0].index(column) if rows and column in rows[0] else -1
    cells = [row[place] for row in rows[1:] if 0 <= place < len(row)]
    forms = TypeCandidates()
    count_type_candidates(pa.array([cell for cell in cells if cell not in options.missing], pa.string()), forms)
    numbers = forms.without(tuple(forms.markers)).number_column()
    notation = options.notation_of(column) or NumberNotation()
    if numbers is None:
        return ""
    units = {*numbers.forms.before, *numbers.forms.behind} - notation.units.keys()
    pairs = numbers.legal
    fits = (notation.decimal, notation.thousands) in pairs and not units
    if fits or not pairs:
        return ""
    other = pairs[0]
    ways = [f"with decimal {MARKS[other[0]]}"] if other[0] != notation.decimal else []
    ways += [f"with {MARKS[other[1]]} between thousands"] if other[1] not in ("", notation.thousands) else []
    ways += [f"with {', '.join(map(repr, sorted(units)))} beside the numbers"] if units else []
    lost = notation.parse(pa.array(cells, pa.string()), pa.float64())
    shown = next(
        (cell for cell, value in zip(cells, lost.to_pylist(), strict=True) if value is None and cell), cells[0]
    )
    return (
        f"{file.name}: column '{shorten(column)}'{row} looks written {' and '.join(ways)} ('{shorten(shown)}'), "
        "which [data] decimal, thousands and numbers do not say; set [data.numbers] or save it as the others"
    )


def _encoding(
    filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions, encoding: str, guess: Guess, message: str
) -> str:
    found = encoding_name(guess.encoding)
    if f"is not {encoding} (" in message and (found == encoding or not guess.certain):
        with Unpacked(filesystem, file, options.limits) as stream:
            where, byte = locate(stream, encoding, options)
        if where:
            return f"{file.name}: {where}: byte 0x{byte:02x} is not {encoding}; correct it, or set [data] encoding"
    if (
        (found == encoding and not guess.mixed)
        or (guess.ascii and not encoding.startswith("utf-16"))
        or _alike(found, encoding)
    ):
        return ""
    if guess.certain and (found != UTF8 or not guess.ascii or encoding.startswith(("utf-16", "utf-32"))):
        return (
            f"{file.name} looks like {found}, but [data] encoding is {encoding}; set [data] encoding or save it as the "
            "others"
        )
    with Unpacked(filesystem, file, options.limits) as stream:
        where, byte = locate(stream, encoding, options)
    if not where:
        return ""
    if row := re.search(r"column '.*', row \d+ \(the header is row \d+\)(?=: .*invalid UTF8)", message):
        where = row[0]  # a quoted cell may span lines, so the row number is more useful than the line
    if guess.mixed:
        return (
            f"{file.name}: {where}: byte 0x{byte:02x} is not {encoding}, which other lines are; save all of it in one "
            "encoding"
        )
    shown = f" ({', '.join(map(repr, guess.words))})" if guess.words else ""
    return (
        f"{file.name}: {where}: byte 0x{byte:02x} is not {encoding}; the file looks like {found}{shown}: set [data] "
        f'encoding = "{found}", or save it as {encoding}'
    )


def _alike(one: str, other: str) -> bool:
    """Whether two encodings are UTF-16 and one leaves the byte order to the byte order mark."""
    return one.startswith("utf-16") and other.startswith("utf-16") and "utf-16" in (one, other)


def locate(stream: Readable, encoding: str, options: ReadOptions) -> tuple[str, int]:
    """Locates the first byte that is not in an encoding.

    Args:
      stream: The uncompressed bytes of the file.
      encoding: Python's name of the encoding.
      options: Read options: delimiter and header row, to name the column.

    Returns:
      Line and column as text, and the byte; ("", 0) if all bytes are legal.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    line, before, top, ended = 1, "", "", False
    while not ended:
        block = stream.read(BLOCK)
        ended = not block
        try:
            text = decoder.decode(block, ended)
        except UnicodeDecodeError as exc:
            text = exc.object[: exc.start].decode(encoding, "replace")
            byte = exc.object[exc.start]
            line += text.count("\n")
            top = top or text[:HEAD_BYTES]
            at = (before + text).rpartition("\n")[2]
            column = _column(top, at, options)
            return f"line {line}{column}", byte
        top = top or text[:HEAD_BYTES]
        line += text.count("\n")
        before = (before + text).rpartition("\n")[2]
    return "", 0


def _column(top: str, beginning: str, options: ReadOptions) -> str:
    """Names the column at the end of an incomplete line, for messages; "" if unknown."""
    lines = [line for line in top.splitlines()[options.header_row - 1 :] if line.strip()]
    if not lines or not top.count("\n"):
        return ""
    names = _cells(lines[0], options.delimiter)
    place = len(_cells(beginning, options.delimiter) or [""]) - 1
    return f", column '{shorten(names[place])}'" if place < len(names) else ""


def _table(file: SpanFile, options: ReadOptions, head: str, expected: set[str]) -> str:
    """Explains missing columns by another delimiter or header row; "" if neither yields more expected columns."""
    lines = head.splitlines()[: MAX_ABOVE + options.header_row]
    start = options.header_row - 1
    there = next((number for number in range(start, len(lines)) if lines[number].strip()), start)
    here = _known(lines[there], options.delimiter, expected) if there < len(lines) else 0
    enough = max(1, len(expected) / 2)
    other = sniff_delimiter("\n".join(lines[there:]) + "\n")
    known = _known(lines[there], other, expected) if there < len(lines) else 0
    if other != options.delimiter and known > here and known >= enough:
        shown = shorten(lines[there])
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return (
            f"{file.name} looks {WORDS[other]}-separated ({shown}), but [data] delimiter is {options.delimiter!r}; set "
            "[data] delimiter or save it as the others"
        )
    for number, line in enumerate(lines, 1):
        known = _known(line, options.delimiter, expected)
        if number != there + 1 and known > here and known >= enough:
            return (
                f"{file.name}: line {number} looks like the header ({shorten(line)[:60]}), but [data] header_row is "
                f"{options.header_row}; set it or save the file as the others"
            )
    found = find_layout(head, head, False, options.delimiter)
    if here == 0 and found.header_row not in (1, options.header_row):
        return (
            f"{file.name}: line {found.header_row} looks like the header ({shorten(found.header)}), but [data] "
            f"header_row is {options.header_row}; set it or save the file as the others"
        )
    return ""


def _known(line: str, delimiter: str, expected: set[str]) -> int:
    return len(expected & set(_cells(line, delimiter)))


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(text_csv.reader([line], delimiter=delimiter), [])
    except text_csv.Error:
        return []
