"""The bytes of a CSV file on their way to Arrow's reader, which loses something at two places."""

import io

import pyarrow as pa


class CsvStream(io.RawIOBase):
    """Passes a stream on, minding what Arrow's CSV reader does not.

    - Arrow drops a line feed that begins a block if the block before ended with a carriage return, inside of a quoted
      cell too. So a carriage return is never the last byte of a block.
    - Arrow takes the end of the file for the closing quote of the last cell. So the last byte is kept, see `is_cut`.
    """

    def __init__(self, stream: pa.NativeFile) -> None:
        super().__init__()
        self._stream = stream
        self._held = b""
        self._last = b""

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end only."""
        block = self._held + self._stream.read(size - len(self._held) if size > 0 else None)
        held, self._held = self._held, b""
        if block.endswith(b"\r") and len(block) > max(1, len(held)):
            block, self._held = block[:-1], b"\r"
        if end := (block[-4096:].rstrip(b"\r\n") or block.rstrip(b"\r\n"))[-1:]:
            self._last = end
        return block

    def is_cut(self, cell: str | None) -> bool:
        """Whether the last cell of the last column, once all is read, was opened by a quote that nothing closes."""
        # It was quoted if it has a line break; then the quote must be all that is left behind it.
        return cell is not None and ("\n" in cell or "\r" in cell) and self._last != b'"'
