"""Builds the sketches of a table and of its slices batch by batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa

from components.drift_validator.sketches.column_counter import ColumnCounter, room_of
from components.drift_validator.sketches.flat_columns import FlatColumn, flatten
from components.drift_validator.sketches.sketch import TableSketch

_T = TypeVar("_T")


@dataclass(frozen=True)
class SketchConfig:
    """Settings and limits of counting, the same for all batches.

    Attributes:
      kinds: Column -> "categorical" or "numeric".
      budget: Memory limit for numbers in bytes, over all tables that share these settings.
      most_values: Maximum number of distinct texts of a column, over all tables that share these settings.
      spread: `map`, or the `map` of a thread pool.
    """

    kinds: Mapping[str, str]
    budget: int
    most_values: int
    spread: Callable[..., Iterable] = map

    def shared_by(self, tables: int) -> "SketchConfig":
        """Divides the limits among a number of tables; each may keep at least 10,000 texts."""
        share = max(self.most_values // tables, min(10_000, self.most_values))
        return replace(self, budget=self.budget // tables, most_values=share)


class TableCounter:
    """Accumulates the columns of a data set or of a slice."""

    def __init__(self) -> None:
        self.rows = 0
        self.columns: dict[str, ColumnCounter] = {}

    def result(
        self, names: Iterable[str], values: int, repeated: float | None, slices: Mapping[str, TableSketch]
    ) -> TableSketch:
        """Returns the sketch.

        Args:
          names: Columns in the order of the result; absent ones have missing values only.
          values: Maximum number of distinct texts of a column.
          repeated: Share of duplicate rows, or None.
          slices: Sketches of the slices.
        """
        columns = {name: self.columns.get(name, ColumnCounter(name, None)).result(self.rows, values) for name in names}
        return TableSketch(self.rows, columns, repeated, slices)


def count(
    batch: pa.RecordBatch,
    parts: Sequence[tuple[TableCounter, int, int]],
    terms: SketchConfig,
    without: Sequence[str] = (),
    order: np.ndarray | None = None,
    also: Callable[[str, FlatColumn | None], _T | None] = lambda name, cells: None,
) -> Iterable[_T | None]:
    """Adds parts of a batch to counters, column by column, so that columns can be processed in parallel.

    Args:
      batch: The rows.
      parts: (counter, first row, number of rows), with rows in the order of `order`.
      terms: Settings and limits of each part.
      without: Columns to skip.
      order: Row indices by which the batch is sorted first; None keeps its order.
      also: Additional function of each column of each part.

    Yields:
      The result of `also` for the last part of each column. The generator must be consumed, because it does the work.
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
