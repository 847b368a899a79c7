"""A uniform random sample of the rows of a stream."""

import numpy as np
import pyarrow as pa

from components.drift_validator.sketches.hashing import random_bits


class ReservoirSample:
    """Draws a simple random sample of `size` rows without replacement.

    Each row number gets 64 pseudo-random bits; the rows with the smallest are kept (bottom-k sampling). The sample
    depends on the order of the rows and the seed, not on the batch boundaries.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._next = 0
        self._below: np.uint64 | None = None
        self._tables: list[pa.Table] = []
        self._rows: list[np.ndarray] = []
        self._schemas: dict[pa.Schema, None] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds the next rows of the stream."""
        numbers = np.arange(self._next, self._next + batch.num_rows)
        self._next += batch.num_rows
        if batch.num_columns:
            self._schemas.setdefault(batch.schema)
        if self._below is not None:
            numbers = numbers[random_bits(numbers, self._seed) < self._below]
        if len(numbers) == 0 or self._size == 0:
            return
        inside = numbers - (self._next - batch.num_rows)
        self._tables.append(_plain(pa.Table.from_batches([batch]).take(pa.array(inside))))
        self._rows.append(numbers)
        if sum(map(len, self._rows)) > 2 * self._size + 1000:
            self._prune()

    def result(self) -> pa.Table:
        """Returns the sampled rows in the order of the stream; all rows if there are at most `size`.

        Columns are the union over the batches, null where a batch lacks one. Where the type of a column differs between
        batches, the result has their common wider type, or text if there is none (text and numbers).
        """
        self._prune()
        if not self._tables:
            return _join([_plain(schema.empty_table()) for schema in self._schemas]) if self._schemas else pa.table({})
        return self._tables[0]

    def _prune(self) -> None:
        if not self._tables:
            return
        numbers = np.concatenate(self._rows)
        table = _join(self._tables)
        if len(numbers) > self._size:
            bits = random_bits(numbers, self._seed)
            kept = np.sort(np.argpartition(bits, self._size)[: self._size])
            self._below = bits[kept].max() if len(kept) else None
            numbers, table = numbers[kept], table.take(pa.array(kept))
        self._tables, self._rows = [table], [numbers]


def _plain(table: pa.Table) -> pa.Table:
    """Decodes dictionaries, which differ between batches."""
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, table.column_names) if columns else table


def _join(tables: list[pa.Table]) -> pa.Table:
    try:
        return pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        fields: dict[str, dict[pa.Field, None]] = {}
        for table in tables:
            for field in table.schema:
                fields.setdefault(field.name, {}).setdefault(field)
        apart = {name for name, found in fields.items() if not _unify(list(found))}
        texts = [_as_text(table, apart) for table in tables]
        return pa.concat_tables(texts, promote_options="permissive").combine_chunks()


def _unify(fields: list[pa.Field]) -> bool:
    try:
        pa.unify_schemas([pa.schema([field]) for field in fields], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return False
    return True


def _as_text(table: pa.Table, names: set[str]) -> pa.Table:
    columns = []
    for name, cells in zip(table.column_names, table.columns, strict=True):
        if name in names and not pa.types.is_null(cells.type):
            try:
                cells = cells.cast(pa.large_string())
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                texts = [None if cell is None else str(cell) for cell in cells.to_pylist()]
                cells = pa.chunked_array([pa.array(texts, pa.large_string())])
        columns.append(cells)
    return pa.table(columns, table.column_names)
