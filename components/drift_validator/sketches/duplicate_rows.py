"""Counts duplicate rows by 64-bit row hashes, in bounded memory."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from components.drift_validator.sketches.flat_columns import FlatColumn, flatten
from components.drift_validator.sketches.hashing import hash_texts, mix, number_bits

MAX_HASHES = 1 << 22
"""Maximum number of distinct hashes in memory: 4,194,304, or 64 MB with their counts."""


def hash_rows(batch: pa.RecordBatch) -> np.ndarray:
    """Hashes rows; rows that are equal in all columns have equal hashes.

    Equality: numbers by value (1 and 1.0), text by bytes, lists by items in order. Missing values of all kinds (null,
    NaN, an empty list, an absent column) are equal. A list of one value is equal to that value. Columns are identified
    by name, not by order. Nested columns are ignored.

    Args:
      batch: N rows.

    Returns:
      Hashes, uint64 [N]. The probability of a collision among n distinct rows is about n**2 / 2**65: 3e-8 for a
      million rows.
    """
    return combine((hash_column(name, flatten(batch.column(name))) for name in batch.schema.names), batch.num_rows)


def combine(shares: Iterable[np.ndarray | None], rows: int) -> np.ndarray:
    """Combines the column hashes of `hash_column`, in any order, to row hashes.

    Args:
      shares: Column hashes, uint64 [N] each, or None.
      rows: Number of rows N.
    """
    total = np.zeros(rows, np.uint64)
    for share in shares:
        if share is not None:
            total += share  # missing values and absent columns both add 0
    return mix(total)


def hash_column(name: str, cells: FlatColumn | None) -> np.ndarray | None:
    """Hashes the cells of a column.

    Args:
      name: Name of the column, which salts the hash.
      cells: The rows; None for a nested type.

    Returns:
      uint64 [N], 0 for missing cells; None if all are missing or nested.
    """
    if cells is None or len(cells.items) == 0:
        return None
    salt = hash_texts(pa.array([name]))[0]
    hashes = (hash_texts if cells.is_text else number_bits)(cells.items)
    if cells.counts is None:
        return mix(hashes + salt)
    several = cells.counts > 1
    rows = np.repeat(np.arange(cells.rows), cells.counts)
    if several.any():
        first = np.repeat(np.cumsum(cells.counts) - cells.counts, cells.counts)
        position = (np.arange(len(hashes)) - first).astype(np.uint64)
        placed = mix(hashes + position * np.uint64(0x9E3779B97F4A7C15))
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        rows = rows[starts]
        hashes = np.where(several[rows], np.add.reduceat(placed, starts), hashes[starts])
    out = np.zeros(cells.rows, np.uint64)
    out[rows] = mix(hashes + salt)
    return out


class DuplicateRowCounter:
    """Counts rows that are equal to an earlier row.

    The count is exact up to `most` distinct rows. Beyond, only hashes in the lower half of hash space are kept, then in
    the lower quarter, and so on (adaptive sampling: Flajolet, *On adaptive sampling*, Computing 1990). Equal rows are
    kept or dropped together, so the share among the kept rows is an unbiased estimate.
    """

    def __init__(self, most: int = MAX_HASHES) -> None:
        self._most = most
        self._hashes = np.empty(0, np.uint64)
        self._counts = np.empty(0, np.int64)
        self._pending: list[np.ndarray] = []
        self._waiting = 0
        self._halvings = 0

    def add(self, hashes: np.ndarray) -> None:
        """Adds the hashes of further rows, uint64 [N]."""
        hashes = hashes[self._is_kept(hashes)] if self._halvings else hashes
        self._pending.append(hashes)
        self._waiting += len(hashes)
        if self._waiting > self._most:
            self._merge()

    def share(self) -> float:
        """Returns the share of rows that are equal to an earlier row, in [0, 1]; 0 without rows."""
        self._merge()
        rows = int(self._counts.sum())
        return 1.0 - len(self._hashes) / rows if rows else 0.0

    def _is_kept(self, hashes: np.ndarray) -> np.ndarray:
        return hashes >> np.uint64(64 - self._halvings) == 0

    def _merge(self) -> None:
        if not self._pending:
            return
        counted = np.ones(self._waiting, np.int64)
        hashes = np.concatenate([self._hashes, *self._pending])
        order = np.argsort(hashes, kind="stable")
        hashes, counts = hashes[order], np.concatenate([self._counts, counted])[order]
        first = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])[: len(hashes)])
        self._hashes, self._pending, self._waiting = hashes[first], [], 0
        self._counts = np.add.reduceat(counts, first) if len(first) else counts
        while len(self._hashes) > self._most:
            self._halvings += 1
            kept = self._is_kept(self._hashes)
            self._hashes, self._counts = self._hashes[kept], self._counts[kept]
