"""Removes lines from a CSV stream that are not part of the table: above the header, comments, footer."""

import re

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.csv.layout import looks_like_row
from components.table_reading.csv.stream import Readable

TAIL_BYTES = 1 << 18
"""Bytes at the end of the stream that are held back, to remove the footer from them."""
_BREAK = re.compile(rb"\r\n|\n|\r")


class WithoutTop:
    """A stream without the lines above the header."""

    def __init__(self, stream: Readable, name: str, lines: int, limit: int) -> None:
        """Wraps a stream.

        Args:
          stream: The bytes, in UTF-8.
          name: Name of the file, for messages.
          lines: Number of lines to skip.
          limit: Maximum number of bytes of these lines.
        """
        self._stream, self._name, self._left, self._limit = stream, name, lines, limit
        self._held, self._seen = b"", 0

    def read(self, size: int | None = None) -> bytes:
        """Returns at most `size` bytes, empty only at the end; InputError if the skipped lines exceed the limit."""
        while self._left:
            block = self._stream.read(size)
            if not block:
                raise InputError(
                    f"{self._name}: has no line {self._left + self._seen}, where [data] header_row expects the header"
                )
            self._limit -= len(block)
            text, at = self._held + block, 0
            for found in _BREAK.finditer(text):
                if found.end() == len(text) and found[0] == b"\r":
                    break  # a line feed may follow
                at, self._left, self._seen = found.end(), self._left - 1, self._seen + 1
                if not self._left:
                    break
            self._held = text[at:]
            if self._left and self._limit < 0:
                raise InputError(f"{self._name}: the lines above the header are longer than [data] max_header_bytes")
        held, self._held = self._held, b""
        return held or self._stream.read(size)


class WithoutComments:
    """A stream without comment lines, which begin with `mark` outside quoted cells."""

    def __init__(self, stream: Readable, mark: str) -> None:
        self._stream, self._mark = stream, mark.encode()
        self._odd = False
        """Whether a quote is open after the bytes read so far."""
        self._held = b""

    def read(self, size: int | None = None) -> bytes:
        """Returns about `size` bytes, empty only at the end."""
        while size != 0:
            block = self._stream.read(size)
            text = self._held + block
            if not block:
                self._held = b""
                return self._kept(text)
            end = max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1)) + 1
            text, self._held = text[:end], text[end:]
            if kept := self._kept(text):
                return kept
        return b""

    def _kept(self, text: bytes) -> bytes:
        if self._mark not in text:
            self._odd ^= bool(text.count(b'"') % 2)
            return text
        kept, at = [], 0
        for stop in (*(found.end() for found in _BREAK.finditer(text)), len(text)):
            line, at = text[at:stop], stop
            if not self._odd and line.startswith(self._mark):
                continue
            self._odd ^= bool(line.count(b'"') % 2)
            kept.append(line)
        return b"".join(kept)


class WithoutFooter:
    """A stream without its footer: the last `lines` lines with a value, and lines without values among them."""

    def __init__(self, stream: Readable, name: str, lines: int, delimiter: str) -> None:
        self._stream, self._name, self._lines = stream, name, lines
        self._delimiter = delimiter
        self._empty = delimiter.encode() + b' \t"'
        self._held, self._ended = b"", False

    def read(self, size: int | None = None) -> bytes:
        """Returns about `size` bytes, empty only at the end; InputError if a removed line looks like a row."""
        while size != 0 and not self._ended:
            block = self._stream.read(size)
            self._ended = not block
            text = self._held + block
            if self._ended:
                return self._cut(text)
            passed, self._held = text[:-TAIL_BYTES], text[-TAIL_BYTES:]
            if passed:
                return passed
        return b""

    def _cut(self, text: bytes) -> bytes:
        left, cut = self._lines, []
        while left:
            if not text:
                raise InputError(f"{self._name}: no header above the last {self._lines} lines ([data] skip_footer)")
            at = _last_line(text)
            line = text[at:].strip(b"\r\n")
            if line.strip(self._empty):
                left -= 1
                cut.append(line.decode(errors="replace"))
            text = text[:at]
        above = text[_last_line(text) :].strip(b"\r\n").decode(errors="replace")
        if rows := [line for line in cut if looks_like_row(line, above, self._delimiter)]:
            raise InputError(
                f"{self._name}: its last line '{shorten(rows[0])[:60]}' looks like a row, but [data] skip_footer is "
                f"{self._lines}; if only some files have a footer, remove it from them and set skip_footer to 0"
            )
        return text


def _last_line(text: bytes) -> int:
    """Offset of the last line."""
    body = text[:-2] if text.endswith(b"\r\n") else text[:-1] if text.endswith((b"\r", b"\n")) else text
    return max(body.rfind(b"\n"), body.rfind(b"\r")) + 1
