"""A buffer for matrices that grow row by row: in memory up to a budget, in temporary files beyond it.

The files are unlinked: the operating system frees them when the last array that maps them is deleted or the process
ends, even if it is killed. Pages that were read stay in the page cache only while memory is free.
"""

import tempfile
from collections.abc import Mapping
from typing import IO

import numpy as np

from components.shared.errors import UsageError

IN_MEMORY = 2 << 30
"""Budget in bytes; about 13 million rows of the flights. It is fixed and does not depend on free memory: rows in files
are shuffled in another way, and the same rows have to give the same model on every machine."""


class RowBuffer:
    """Collects batches of rows and returns them as one matrix per name."""

    def __init__(self, budget: int = IN_MEMORY, folder: str | None = None) -> None:
        """Creates an empty buffer.

        Args:
          budget: Bytes held in memory before rows are written to files.
          folder: Folder of the files; None for the system's (TMPDIR).
        """
        self._budget, self._folder = budget, folder or tempfile.gettempdir()
        self._parts: dict[str, list[np.ndarray]] = {}
        self._files: dict[str, IO[bytes]] = {}
        self._bytes = 0

    def add(self, batch: Mapping[str, np.ndarray]) -> None:
        """Appends rows; every batch has the same names, and under a name the same type and the same width.

        Raises:
          UsageError: The folder for the files cannot be written, or is full.
        """
        for name, matrix in batch.items():
            self._parts.setdefault(name, []).append(matrix)
            self._bytes += matrix.nbytes
        if self._bytes > self._budget:
            try:
                self._spill()
            except OSError as exc:
                raise UsageError(
                    f"{self._folder}: no space for the transformed rows, {self._bytes / (1 << 30):.1f} GB so far "
                    f"({exc.strerror}); free some, choose another --root (a cluster: TMPDIR) or lower [data] window"
                ) from exc

    def matrices(self) -> dict[str, np.ndarray]:
        """Returns all rows by name and empties the buffer; arrays that map files are read-only."""
        found = {}
        for name in list(self._parts):
            parts = self._parts.pop(name)
            if name not in self._files:
                found[name] = np.concatenate(parts)  # the parts are freed before the next name
                continue
            width = parts[0].shape[1:]
            file = self._files.pop(name)
            found[name] = np.memmap(file, parts[0].dtype, "r").reshape(-1, *width)
            file.close()  # the mapping keeps the file open
        return found

    def _spill(self) -> None:
        for name, parts in self._parts.items():
            if name not in self._files:
                self._files[name] = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - open while rows are added
            file = self._files[name]
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
            file.flush()
            self._parts[name] = [parts[-1][:0]]  # keeps the type and the width


def in_files(matrix: np.ndarray) -> bool:
    """Whether an array, or the array of which it is a view, maps a file."""
    return getattr(matrix, "_mmap", None) is not None


def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Concatenates rows; returns a view instead of a copy if the two arrays are adjacent parts of one array."""
    whole = _root(first)
    alike = first.dtype == second.dtype == whole.dtype and first.shape[1:] == second.shape[1:]
    gapless = all(matrix.flags.c_contiguous for matrix in (whole, first, second))
    follows = second.ctypes.data == first.ctypes.data + first.nbytes
    if alike and gapless and follows and _root(second) is whole:
        begin = (first.ctypes.data - whole.ctypes.data) // first.itemsize
        view = whole.reshape(-1)[begin : begin + first.size + second.size]
        return view.reshape(len(first) + len(second), *first.shape[1:])
    return np.concatenate([first, second])


def _root(matrix: np.ndarray) -> np.ndarray:
    """The array of which a view was taken."""
    while isinstance(matrix.base, np.ndarray):
        matrix = matrix.base
    return matrix
