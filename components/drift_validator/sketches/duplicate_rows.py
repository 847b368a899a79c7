"""How many rows repeat an earlier one, by 64-bit hashes of rows, in bounded memory."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from components.drift_validator.sketches.flat_columns import Cells, flatten
from components.drift_validator.sketches.hashing import hash_texts, mix, number_bits

MOST_HASHES = 1 << 22
"""Distinct hashes kept: 4,194,304, or 64 MB with their counts."""


def hash_rows(batch: pa.RecordBatch) -> np.ndarray:
    """One uint64 for each row; rows that are equal in all columns have the same.

    Equal means: the same number (1 and 1.0) or the same bytes of text, in the same order within a list. Whatever is
    missing (null, NaN, an empty list, a column that is not there) is equal. A list of one value is equal to that value.
    The order of the columns does not matter, their names do. Columns that are nested further are left out.

    Returns:
      Hashes. Among n different rows, two share one with a probability of about n**2 / 2**65: 3e-8 for a million rows.
    """
    return combine((hash_column(name, flatten(batch.column(name))) for name in batch.schema.names), batch.num_rows)


def combine(shares: Iterable[np.ndarray | None], rows: int) -> np.ndarray:
    """Hashes of rows from what `hash_column` gave for each column, in any order."""
    total = np.zeros(rows, np.uint64)
    for share in shares:
        if share is not None:
            total += share  # a sum, so that a missing column adds what missing values add: nothing
    return mix(total)


def hash_column(name: str, cells: Cells | None) -> np.ndarray | None:
    """One column's part in the rows' hashes: 0 where nothing is; None where it is 0 everywhere."""
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


class RepeatedRows:
    """Counts rows that equal an earlier one.

    Exact up to `most` distinct rows. Beyond that, only hashes in the lower half of hash space are kept, then in the
    lower quarter, and so on (adaptive sampling: Flajolet, *On adaptive sampling*, Computing 1990): equal rows are kept
    or left out together, so that the share among those kept is an estimate without bias for all.
    """

    def __init__(self, most: int = MOST_HASHES) -> None:
        self._most = most
        self._hashes = np.empty(0, np.uint64)
        self._counts = np.empty(0, np.int64)
        self._pending: list[np.ndarray] = []
        self._waiting = 0
        self._halvings = 0

    def add(self, hashes: np.ndarray) -> None:
        """Takes the hashes of further rows."""
        hashes = hashes[self._is_kept(hashes)] if self._halvings else hashes
        self._pending.append(hashes)
        self._waiting += len(hashes)
        if self._waiting > self._most:
            self._merge()

    def share(self) -> float:
        """Share of the rows that equal an earlier one, in [0, 1]; 0 for no rows."""
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
