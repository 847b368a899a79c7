"""Matrices that grow row by row: in memory as long as they fit a budget, from then on in files.

The files have no name: the system frees them when the last array that looks into them is gone, or the process, even if
it is killed. What is read from them stays in memory only as long as nothing else needs the place.
"""

import tempfile
from collections.abc import Mapping
from typing import IO

import numpy as np

from components.shared.errors import UsageError

IN_MEMORY = 2 << 30
"""Bytes of transformed rows that are kept in memory; about 13 million rows of the flights. A fixed number, not a share
of what the machine has free: rows in files are shuffled in another way, and the same rows shall give the same model."""


class Spool:
    """Takes batches of rows and gives them back as one matrix per name."""

    def __init__(self, budget: int = IN_MEMORY, folder: str | None = None) -> None:
        """`budget` in bytes; `folder` is for the files, None is the system's (TMPDIR)."""
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
                    f"{self._folder}: no place for the transformed rows, {self._bytes / (1 << 30):.1f} GB so far "
                    f"({exc.strerror}); free some, choose another --root (a cluster: TMPDIR) or lower [data] window"
                ) from exc

    def matrices(self) -> dict[str, np.ndarray]:
        """Everything added, by name; the arrays of files are read-only. Empties the spool."""
        found = {}
        for name in list(self._parts):
            parts = self._parts.pop(name)
            if name not in self._files:
                found[name] = np.concatenate(parts)  # and the parts are freed before the next name
                continue
            width = parts[0].shape[1:]
            file = self._files.pop(name)
            found[name] = np.memmap(file, parts[0].dtype, "r").reshape(-1, *width)
            file.close()  # the mapping holds on to it
        return found

    def _spill(self) -> None:
        for name, parts in self._parts.items():
            if name not in self._files:
                self._files[name] = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - open for as long as rows come
            file = self._files[name]
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
            file.flush()
            self._parts[name] = [parts[-1][:0]]  # no rows, but their type and width


def in_files(matrix: np.ndarray) -> bool:
    """Whether an array, or what it is a view of, lies in a file."""
    return getattr(matrix, "_mmap", None) is not None


def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The rows of one, then of the other; a view, not a copy, where they lie one after the other already."""
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
    """The array that a view was taken of."""
    while isinstance(matrix.base, np.ndarray):
        matrix = matrix.base
    return matrix
