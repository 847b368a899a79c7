"""The bytes of a CSV file on their way to Arrow's reader: what that would lose or refuse is minded here."""

import io
from dataclasses import dataclass
from typing import Protocol

UNNAMED = "unnamed"
_BOM = b"\xef\xbb\xbf"
_NAMELESS = (b"", b'""', _BOM, _BOM + b'""')
"""How a header begins whose first name is empty, up to the delimiter."""


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int | None = None, /) -> bytes:
        """At most `size` bytes; none at the end only."""


@dataclass
class StreamState:
    """What a CsvStream and its reader tell each other.

    Attributes:
      stopped: Set by the reader: the stream is to end.
      error: What reading failed with; the stream ended there.
      last: The last byte of the file that is no line break.
    """

    stopped: bool = False
    error: Exception | None = None
    last: bytes = b""

    def is_cut(self, cell: str | None) -> bool:
        """Whether the last cell of the last column, once all is read, was opened by a quote that nothing closes."""
        # It was quoted if it has a line break; then the quote must be all that is left behind it.
        return cell is not None and ("\n" in cell or "\r" in cell) and self.last != b'"'


class CsvStream(io.RawIOBase):
    """Passes a stream on, minding what Arrow's CSV reader does not.

    - Arrow drops a line feed that begins a block if the block before ended with a carriage return, inside of a quoted
      cell too. So a carriage return is never the last byte of a block.
    - Arrow takes the end of the file for the closing quote of the last cell. So the last byte is kept, see
      `StreamState.is_cut`.
    - A first column without a name, as R's write.csv and pandas' to_csv leave the row numbers, is called UNNAMED.
    - Arrow would keep a Python exception in a thread of its own, so none is raised: it ends the stream, and the state
      holds it.
    """

    def __init__(self, stream: Readable, delimiter: str, state: StreamState | None = None) -> None:
        super().__init__()
        self._stream = stream
        self._nameless = {start + delimiter.encode(): start.replace(b'""', b"") for start in _NAMELESS}
        self._at_start = True
        self._held = b""
        self.state = state or StreamState()

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end, after `stopped`, and where reading failed."""
        if self.state.stopped or self.state.error is not None:
            return b""
        held = self._held
        try:
            block = held + self._stream.read(max(size - len(held), 0) if size > 0 else None)
        except Exception as exc:  # whatever it is: the reader raises it
            self.state.error = exc.with_traceback(None)
            return b""
        self._held = b""
        if self._at_start:
            self._at_start = False
            block = self._named(block)
        if 0 < size < len(block):  # Arrow's buffer has room for `size` bytes, no more
            block, self._held = block[:size], block[size:]
        if block.endswith(b"\r") and len(block) > max(1, len(held)):
            block, self._held = block[:-1], b"\r" + self._held
        if end := (block[-4096:].rstrip(b"\r\n") or block.rstrip(b"\r\n"))[-1:]:
            self.state.last = end
        return block

    def _named(self, block: bytes) -> bytes:
        """The first block, its first column called UNNAMED if it has no name."""
        for start, mark in self._nameless.items():
            if block.startswith(start):
                return mark + UNNAMED.encode() + block[len(start) - 1 :]
        return block
