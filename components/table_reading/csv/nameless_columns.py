"""Drops trailing columns of a CSV file that have neither a name nor values, as spreadsheets write them."""

import csv as text_csv
import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.csv.header import Header
from components.table_reading.csv.stream import Readable


def placeholders(header: Header) -> list[str]:
    """Temporary names of the nameless columns during reading; a private-use character avoids collisions."""
    return [f"\ue000{len(header.names) + number + 1}" for number in range(header.nameless)]


class Renamed:
    """A CSV stream whose header line is replaced by one that names all columns, see `placeholders`."""

    def __init__(self, stream: Readable, header: Header, delimiter: str) -> None:
        line = io.StringIO()
        names = [*header.names, *placeholders(header)]
        text_csv.writer(line, delimiter=delimiter, quoting=text_csv.QUOTE_ALL).writerow(names)
        self._stream, self._left, self._line = stream, header.bytes, line.getvalue().encode()

    def read(self, size: int | None = None) -> bytes:
        """Returns about `size` bytes, empty only at the end."""
        while self._left:
            block = self._stream.read(size)
            rest = block[self._left :]
            self._left = max(0, self._left - len(block)) if block else 0
            if rest or not self._left:
                line, self._line = self._line, b""
                return line + rest
            if not block:
                return b""
        if size == 0:
            return b""
        return self._stream.read(size)


def without_nameless(
    batches: Iterator[pa.RecordBatch], header: Header, file: str, header_row: int = 1
) -> Iterator[pa.RecordBatch]:
    """Drops the nameless columns from batches.

    Args:
      batches: Rows, with the columns of `placeholders`.
      header: Header of the file.
      file: Name of the file, for messages.
      header_row: Line of the header, from 1, for messages.

    Raises:
      InputError: A nameless column has a value.
    """
    before = 0
    names = placeholders(header)
    for batch in batches:
        for number, name in enumerate(names, len(header.names) + 1):
            cells = pc.fill_null(pc.utf8_trim_whitespace(batch.column(name)), "")
            filled = pc.index(pc.not_equal(cells, ""), True).as_py()
            if filled >= 0:
                row = header_row + 1 + before + filled
                raise InputError(
                    f"{file}: column {number} has no name, but row {row} (the header is row {header_row}) holds "
                    f"'{shorten(cells[filled].as_py())}'; name the column or empty its cells; if the header is on "
                    "another line, set [data] header_row"
                )
        before += batch.num_rows
        yield batch.drop_columns(names)
