"""Decompresses files while reading, with a limit on the expansion ratio."""

from types import TracebackType

import pyarrow as pa
from pyarrow import fs

from components.table_reading.read_limits import Limits
from components.table_reading.spans import SpanFile

COMPRESSION = {"gz": "gzip", "zst": "zstd", "bz2": "bz2"}
"""Suffix of the file name -> Arrow's name of the compression codec."""


class Unpacked:
    """A byte stream over a file with or without COMPRESSION, which raises an error for a decompression bomb."""

    def __init__(self, filesystem: fs.FileSystem, file: SpanFile, limits: Limits) -> None:
        self._name = file.name
        self._limits = limits
        compression = COMPRESSION.get(file.path.lower().rsplit(".", 1)[-1])
        if compression:  # only a seekable file reports its position
            self._packed = filesystem.open_input_file(file.path)
        else:
            self._packed = filesystem.open_input_stream(file.path, compression=None)
        self._stream = pa.CompressedInputStream(self._packed, compression) if compression else self._packed
        self._is_packed = compression is not None
        self._read = 0

    def read(self, size: int | None = None) -> bytes:
        """Returns at most `size` bytes, empty only at the end.

        Raises:
          InputError: The expansion ratio exceeds `max_expansion`.
          OSError, pa.ArrowException: The file cannot be read or decompressed.
        """
        block: bytes = self._stream.read(size)
        if self._is_packed:
            self._read += len(block)
            self._limits.check_expansion(self._name, self._read, self._packed.tell())
        return block

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()
        self._packed.close()

    def __enter__(self) -> "Unpacked":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
