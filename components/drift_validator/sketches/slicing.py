"""Rows sorted into slices: one for each value of a column, or for each combination of several columns' values."""

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from components.drift_validator.sketches.column_counter import cell_texts
from components.drift_validator.sketches.flat_columns import flatten
from components.drift_validator.sketches.sketch import Table
from components.drift_validator.sketches.table_counter import TableCounter, Terms, count
from components.shared.errors import InputError

MISSING = "(missing)"
_GATHERED_BYTES = 1 << 26


class Slicing:
    """Counts each slice of one slicing.

    Batches are gathered up to 64 MB, sorted by slice once and counted in runs, so that many small slices cost little.
    """

    def __init__(self, by: Sequence[str], most: int) -> None:
        """`by`: one column, or several for a cross. `most`: slices kept."""
        self.by = tuple(by)
        self._most = most
        self._gathered: list[pa.RecordBatch] = []
        self._bytes = 0
        self.counters: dict[str, TableCounter] = {}

    def add(self, batch: pa.RecordBatch, terms: Terms) -> None:
        """Takes the next rows; all slices share the terms."""
        if self._gathered and batch.schema != self._gathered[0].schema:
            self.flush(terms)
        self._gathered.append(batch)
        self._bytes += batch.nbytes
        if self._bytes > _GATHERED_BYTES:
            self.flush(terms)

    def flush(self, terms: Terms) -> None:
        """Counts what is gathered. A slice is kept if it appears while fewer than `most` are; the larger first."""
        if not self._gathered:
            return
        batch = _concatenated(self._gathered)
        self._gathered, self._bytes = [], 0
        codes, names = self._slice_of_rows(batch)
        order = np.argsort(codes, kind="stable")
        sizes = np.bincount(codes, minlength=len(names))
        first = np.cumsum(sizes) - sizes
        parts = []
        for code in np.argsort(-sizes, kind="stable"):
            if sizes[code] and (names[code] in self.counters or len(self.counters) < self._most):
                counter = self.counters.setdefault(names[code], TableCounter())
                parts.append((counter, int(first[code]), int(sizes[code])))
        if parts:
            deque(count(batch, parts, terms.shared_by(len(self.counters)), self.by, order), maxlen=0)

    def tables(self, names: Iterable[str], least_rows: int, terms: Terms) -> dict[str, Table]:
        """Name of the slice -> summary, largest first; slices with fewer than `least_rows` rows are left out."""
        kept = [(name, counter) for name, counter in self.counters.items() if counter.rows >= least_rows]
        kept.sort(key=lambda item: (-item[1].rows, item[0]))
        columns = [name for name in names if name not in self.by]
        share = terms.shared_by(max(len(self.counters), 1))
        return {name: counter.result(columns, share.most_values, None, {}) for name, counter in kept}

    def _slice_of_rows(self, batch: pa.RecordBatch) -> tuple[np.ndarray, list[str]]:
        """For each row, the position of its slice's name; and the names."""
        codes, names = np.zeros(batch.num_rows, np.int64), [""]
        for column in self.by:
            own, texts = self._texts(batch, column)
            present, codes = np.unique(codes * len(texts) + own, return_inverse=True)
            names = [
                (f"{names[code // len(texts)]}, " if names[code // len(texts)] else "")
                + f"{column}={texts[code % len(texts)]}"
                for code in present.tolist()
            ]
        return codes, names

    def _texts(self, batch: pa.RecordBatch, column: str) -> tuple[np.ndarray, list[str]]:
        index = batch.schema.get_field_index(column)
        if index < 0:
            return np.zeros(batch.num_rows, np.int64), [MISSING]
        found = cell_texts(flatten(batch.column(index)), MISSING)
        if found is None:
            raise InputError(f"cannot slice by {column}: some rows hold several values; slice by another column")
        return found


def _concatenated(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Batches of one schema as one."""
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches).unify_dictionaries()
    columns = [_one(column) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _one(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
