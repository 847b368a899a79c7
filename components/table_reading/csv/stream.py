"""Passes the bytes of a CSV file to Arrow's reader and works around its defects."""

import io
from dataclasses import dataclass
from typing import Protocol

UNNAMED = "unnamed"
_BOM = b"\xef\xbb\xbf"
_NAMELESS = (b"", b'""', _BOM, _BOM + b'""')
"""First bytes of a header whose first name is empty, up to the delimiter."""


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int | None = None, /) -> bytes:
        """Returns at most `size` bytes, empty only at the end."""


@dataclass
class StreamState:
    """State shared by a CsvStream and its reader.

    Attributes:
      stopped: Set by the reader to end the stream.
      error: The exception that ended the stream; None if there was none.
      last: The last byte of the file that is not a line break.
    """

    stopped: bool = False
    error: Exception | None = None
    last: bytes = b""

    def is_cut(self, cell: str | None) -> bool:
        """Whether `cell`, the last cell of the file, has an opening quote without a closing one."""
        # A cell with a line break must have been quoted, so that the file must end with the closing quote.
        return cell is not None and ("\n" in cell or "\r" in cell) and self.last != b'"'


class CsvStream(io.RawIOBase):
    """Adapts a byte stream for Arrow's CSV reader.

    - Arrow drops a line feed at the start of a block if the previous block ended with a carriage return, even inside a
      quoted cell. Blocks therefore never end with a carriage return.
    - Arrow accepts the end of the file as the closing quote of the last cell. The last byte is therefore recorded, see
      `StreamState.is_cut`.
    - A first column without a name, as R's write.csv and pandas' to_csv write row numbers, gets the name UNNAMED.
    - Arrow would keep a Python exception in one of its threads. Exceptions are therefore stored in the state, and the
      stream ends.
    """

    def __init__(self, stream: Readable, delimiter: str, state: StreamState | None = None) -> None:
        super().__init__()
        self._stream = stream
        self._nameless = {start + delimiter.encode(): start.replace(b'""', b"") for start in _NAMELESS}
        self._at_start = True
        self._held = b""
        self.state = state or StreamState()

    def readable(self) -> bool:
        """Returns True, as io.RawIOBase requires."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Returns at most `size` bytes; empty at the end, once `stopped` is set, and after a failed read."""
        if self.state.stopped or self.state.error is not None:
            return b""
        held = self._held
        try:
            block = held + self._stream.read(max(size - len(held), 0) if size > 0 else None)
        except Exception as exc:  # the reader raises it again in the calling thread
            self.state.error = exc.with_traceback(None)
            return b""
        self._held = b""
        if self._at_start:
            self._at_start = False
            block = self._named(block)
        if 0 < size < len(block):  # Arrow's buffer holds `size` bytes
            block, self._held = block[:size], block[size:]
        if block.endswith(b"\r") and len(block) > max(1, len(held)):
            block, self._held = block[:-1], b"\r" + self._held
        if end := (block[-4096:].rstrip(b"\r\n") or block.rstrip(b"\r\n"))[-1:]:
            self.state.last = end
        return block

    def _named(self, block: bytes) -> bytes:
        """Inserts UNNAMED into the first block if the first column has no name."""
        for start, mark in self._nameless.items():
            if block.startswith(start):
                return mark + UNNAMED.encode() + block[len(start) - 1 :]
        return block
