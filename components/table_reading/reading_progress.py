"""Progress of reading files whose number of rows is not known: rows so far, and an estimate of the time left."""

from collections.abc import Sequence

import pyarrow as pa

from components.shared.progress import report_progress
from components.table_reading.formats.registry import COMPRESSED
from components.table_reading.spans import SpanFile

_OFFSET_BYTES = 4
"""Bytes that Arrow adds to each text of a batch."""


class ReadingProgress:
    """Reports the progress of reading files in order, batch by batch.

    The share of a file that has been read is estimated for uncompressed text: a cell takes the bytes of its text and
    one separator. Other files count when they have been read.
    """

    def __init__(self, files: Sequence[SpanFile]) -> None:
        self._files = files
        self._total = sum(file.bytes for file in files)
        self._finished = 0
        self._current = -1
        self._taken = 0
        self._rows = 0

    def add(self, number: int, batch: pa.RecordBatch, is_text: bool) -> None:
        """Records a batch.

        Args:
          number: Index of its file.
          batch: The batch; columns of text files are strings.
          is_text: Whether the file is text, such as CSV.
        """
        if number != self._current:
            self._finished = sum(file.bytes for file in self._files[:number])
            self._current, self._taken = number, 0
        self._rows += batch.num_rows
        file = self._files[number]
        if is_text and not file.path.lower().endswith(COMPRESSED[1:]):
            # The 4 bytes of each cell's offset count as one separator.
            self._taken += batch.nbytes - (_OFFSET_BYTES - 1) * batch.num_rows * batch.num_columns
        done = self._finished + min(self._taken, file.bytes)
        report_progress(f"{self._rows:,} rows read, file {number + 1} of {len(self._files)}", done, self._total)
