"""Counts of texts in bounded memory: exact up to a limit of distinct values, by hash bucket beyond."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.drift_validator.sketches.hashing import hash_texts
from components.drift_validator.sketches.sketch import CategoryCounts
from components.drift_validator.sketches.texts import encode

BUCKETS = 1 << 16
"""Number of hash buckets."""
MAX_BYTES = 1 << 26
"""Maximum number of bytes of text that are kept for a column, in addition to the limit of distinct values."""


class CategoriesCounter:
    """Counts the texts of a stream.

    Beyond a limit of distinct values (or 64 MB of text), only the counts of 65,536 hash buckets are kept. Earlier
    counts are moved to the buckets, so that the result does not depend on the order of the rows.
    """

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []
        self._waiting = 0
        self._kept = 0
        self._buckets: np.ndarray | None = None

    def add(self, items: np.ndarray | pa.Array, limit: int) -> None:
        """Counts values.

        Args:
          items: Values without nulls, of any type that `texts.encode` accepts.
          limit: Maximum number of distinct values.
        """
        if len(items) == 0:
            return
        codes, texts = encode(items)
        self.add_counts(texts, np.bincount(codes, minlength=len(texts)), limit)

    def add_counts(self, texts: pa.LargeStringArray, counts: np.ndarray, limit: int) -> None:
        """Adds counts of texts.

        Args:
          texts: Texts [N]; they may contain duplicates.
          counts: Counts [N].
          limit: Maximum number of distinct values.
        """
        if self._buckets is not None:
            _count_buckets(self._buckets, texts, counts)
            return
        self._tables.append(pa.table({"text": texts, "count": counts.astype(np.int64)}))
        self._waiting += len(texts)
        if self._waiting > max(self._kept, 1 << 16):
            self._merge()
            if self._kept > limit or self._tables[0]["text"].nbytes > MAX_BYTES:
                self._hash()

    def result(self, limit: int) -> CategoryCounts:
        """Returns the distribution; it is hashed if there are more than `limit` distinct values."""
        self._merge()
        if self._kept > limit:
            self._hash()
        if self._buckets is not None:
            return _named_buckets(self._buckets)
        if not self._tables:
            return CategoryCounts(pa.array([], pa.large_string()), np.empty(0, np.int64))
        table = self._tables[0]
        table = table.filter(pc.greater(table["count"], 0)).sort_by("text")
        return CategoryCounts(_one(table["text"]), table["count"].to_numpy())

    def _merge(self) -> None:
        if not self._tables:
            return
        everything = pa.concat_tables(self._tables)
        merged = everything.group_by("text", use_threads=False).aggregate([("count", "sum")])
        merged = merged.rename_columns({"count_sum": "count"})
        self._tables, self._waiting, self._kept = [merged], 0, len(merged)

    def _hash(self) -> None:
        self._buckets = np.zeros(BUCKETS, np.int64)
        for table in self._tables:
            _count_buckets(self._buckets, _one(table["text"]), table["count"].to_numpy())
        self._tables, self._waiting, self._kept = [], 0, 0


def hash_categories(categories: CategoryCounts) -> CategoryCounts:
    """Converts a distribution to hash buckets, to compare it with a hashed one; hashed ones are returned unchanged."""
    if categories.hashed:
        return categories
    buckets = np.zeros(BUCKETS, np.int64)
    _count_buckets(buckets, categories.values, categories.counts)
    return _named_buckets(buckets)


def _count_buckets(buckets: np.ndarray, texts: pa.LargeStringArray, counts: np.ndarray) -> None:
    np.add.at(buckets, (hash_texts(texts) % np.uint64(BUCKETS)).astype(np.int64), counts)


def _named_buckets(buckets: np.ndarray) -> CategoryCounts:
    filled = np.flatnonzero(buckets)
    names = pa.array([f"#{bucket:05d}" for bucket in filled], pa.large_string())
    return CategoryCounts(names, buckets[filled], hashed=True)


def _one(column: pa.ChunkedArray) -> pa.LargeStringArray:
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
