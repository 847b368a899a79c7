"""Counts rows by slice: by the values of a column, or by the combinations of values of several columns."""

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from components.drift_validator.sketches.column_counter import cell_texts
from components.drift_validator.sketches.flat_columns import flatten
from components.drift_validator.sketches.sketch import TableSketch
from components.drift_validator.sketches.table_counter import SketchConfig, TableCounter, count
from components.shared.errors import InputError

MISSING = "(missing)"
_GATHERED_BYTES = 1 << 26


class Slicing:
    """Accumulates the sketch of each slice of one entry of `slices`.

    Batches are buffered up to 64 MB, sorted by slice and counted in runs, which makes many small slices cheap.
    """

    def __init__(self, by: Sequence[str], most: int) -> None:
        """Creates an empty counter.

        Args:
          by: Columns to slice by; several columns are crossed.
          most: Maximum number of slices.
        """
        self.by = tuple(by)
        self._most = most
        self._gathered: list[pa.RecordBatch] = []
        self._bytes = 0
        self.counters: dict[str, TableCounter] = {}

    def add(self, batch: pa.RecordBatch, terms: SketchConfig) -> None:
        """Adds the next rows; `terms` are shared by all slices."""
        if self._gathered and batch.schema != self._gathered[0].schema:
            self.flush(terms)
        self._gathered.append(batch)
        self._bytes += batch.nbytes
        if self._bytes > _GATHERED_BYTES:
            self.flush(terms)

    def flush(self, terms: SketchConfig) -> None:
        """Counts the buffered rows. New slices are added, larger ones first, until there are `most`."""
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

    def tables(self, names: Iterable[str], least_rows: int, terms: SketchConfig) -> dict[str, TableSketch]:
        """Returns the sketches by name of the slice, largest first.

        Args:
          names: All columns, in the order of the result.
          least_rows: Minimum number of rows of a slice.
          terms: Limits, shared by all slices.
        """
        kept = [(name, counter) for name, counter in self.counters.items() if counter.rows >= least_rows]
        kept.sort(key=lambda item: (-item[1].rows, item[0]))
        columns = [name for name in names if name not in self.by]
        share = terms.shared_by(max(len(self.counters), 1))
        return {name: counter.result(columns, share.most_values, None, {}) for name, counter in kept}

    def _slice_of_rows(self, batch: pa.RecordBatch) -> tuple[np.ndarray, list[str]]:
        """Code of the slice of each row, and the names of the slices by code."""
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
            raise InputError(f"cannot slice by {column}: some rows have several values; slice by another column")
        return found


def _concatenated(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Concatenates batches of one schema."""
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches).unify_dictionaries()
    columns = [_one(column) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _one(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
