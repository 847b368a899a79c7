"""The bytes of a CSV file on their way to Arrow's reader: what that would lose or refuse is minded here."""

import io

import pyarrow as pa

UNNAMED = "unnamed"
_BOM = b"\xef\xbb\xbf"
_NAMELESS = (b"", b'""', _BOM, _BOM + b'""')
"""How a header begins whose first name is empty, up to the delimiter."""


class CsvStream(io.RawIOBase):
    """Passes a stream on, minding what Arrow's CSV reader does not.

    - Arrow drops a line feed that begins a block if the block before ended with a carriage return, inside of a quoted
      cell too. So a carriage return is never the last byte of a block.
    - Arrow takes the end of the file for the closing quote of the last cell. So the last byte is kept, see `is_cut`.
    - A first column without a name, as R's write.csv and pandas' to_csv leave the row numbers, is called UNNAMED.
    """

    def __init__(self, stream: pa.NativeFile, delimiter: str) -> None:
        super().__init__()
        self._stream = stream
        self._nameless = {start + delimiter.encode(): start.replace(b'""', b"") for start in _NAMELESS}
        self._at_start = True
        self._held = b""
        self._last = b""

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end only."""
        held = self._held
        block = held + self._stream.read(max(size - len(held), 0) if size > 0 else None)
        self._held = b""
        if self._at_start:
            self._at_start = False
            block = self._named(block)
        if 0 < size < len(block):  # Arrow's buffer has room for `size` bytes, no more
            block, self._held = block[:size], block[size:]
        if block.endswith(b"\r") and len(block) > max(1, len(held)):
            block, self._held = block[:-1], b"\r" + self._held
        if end := (block[-4096:].rstrip(b"\r\n") or block.rstrip(b"\r\n"))[-1:]:
            self._last = end
        return block

    def _named(self, block: bytes) -> bytes:
        """The first block, its first column called UNNAMED if it has no name."""
        for start, mark in self._nameless.items():
            if block.startswith(start):
                return mark + UNNAMED.encode() + block[len(start) - 1 :]
        return block

    def is_cut(self, cell: str | None) -> bool:
        """Whether the last cell of the last column, once all is read, was opened by a quote that nothing closes."""
        # It was quoted if it has a line break; then the quote must be all that is left behind it.
        return cell is not None and ("\n" in cell or "\r" in cell) and self._last != b'"'
