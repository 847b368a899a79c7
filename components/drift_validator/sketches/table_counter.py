"""Summaries of a whole table and of its slices, built up batch by batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa

from components.drift_validator.sketches.column_counter import ColumnCounter, room_of
from components.drift_validator.sketches.flat_columns import Cells, flatten
from components.drift_validator.sketches.sketch import Table

_T = TypeVar("_T")


@dataclass(frozen=True)
class Terms:
    """How to count, the same for all batches.

    Attributes:
      kinds: Column -> "categorical" or "numeric".
      budget: Bytes for the numbers of all tables counted on these terms.
      most_values: Distinct texts kept for each column, over all tables counted on these terms.
      spread: `map`, or that of a thread pool.
    """

    kinds: Mapping[str, str]
    budget: int
    most_values: int
    spread: Callable[..., Iterable] = map

    def shared_by(self, tables: int) -> "Terms":
        """The same for each of so many tables; at least 10,000 texts."""
        share = max(self.most_values // tables, min(10_000, self.most_values))
        return replace(self, budget=self.budget // tables, most_values=share)


class TableCounter:
    """The columns of one data set or of one slice."""

    def __init__(self) -> None:
        self.rows = 0
        self.columns: dict[str, ColumnCounter] = {}

    def result(self, names: Iterable[str], values: int, repeated: float | None, slices: Mapping[str, Table]) -> Table:
        """What was counted. Columns come in the order of `names`; one that was never there has only missing rows."""
        columns = {name: self.columns.get(name, ColumnCounter(name, None)).result(self.rows, values) for name in names}
        return Table(self.rows, columns, repeated, slices)


def count(
    batch: pa.RecordBatch,
    parts: Sequence[tuple[TableCounter, int, int]],
    terms: Terms,
    without: Sequence[str] = (),
    order: np.ndarray | None = None,
    also: Callable[[str, Cells | None], _T | None] = lambda name, cells: None,
) -> Iterable[_T | None]:
    """Adds each part of a batch to its own counter, a column at a time, so that columns can go to several threads.

    Args:
      batch: Rows.
      parts: Counter, first row, number of rows; rows in the order of `order`.
      terms: How, for each part.
      without: Columns to leave out.
      order: Row numbers, to sort the batch by; None to take it as it is.
      also: Something else to do with each column of each part, while it is at hand.

    Yields:
      For each column, what `also` gave for the last part. The work is done by going through these.
    """
    names = [name for name in batch.schema.names if name not in without]
    for counter, _, rows in parts:
        counter.rows += rows
        for name in names:
            if name not in counter.columns:
                counter.columns[name] = ColumnCounter(name, _is_categorical(terms.kinds.get(name)))
    room = room_of(terms.budget, len(names))
    indices = None if order is None else pa.array(order)

    def count_column(name: str) -> _T | None:
        column = batch.column(name)
        if indices is not None:
            column = column.take(indices)
        given = None
        for counter, first, rows in parts:
            cells = flatten(column if rows == len(column) else column.slice(first, rows))
            counter.columns[name].add(cells, room, terms.most_values)
            given = also(name, cells)
        return given

    yield from terms.spread(count_column, names)


def _is_categorical(kind: str | None) -> bool | None:
    return None if kind is None else kind == "categorical"
