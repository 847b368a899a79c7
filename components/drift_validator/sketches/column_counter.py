"""Builds the sketch of one column batch by batch."""

import numpy as np

from components.drift_validator.sketches.categories import CategoriesCounter
from components.drift_validator.sketches.flat_columns import FlatColumn
from components.drift_validator.sketches.numbers import NumbersCounter
from components.drift_validator.sketches.sketch import CategoryCounts, ColumnSketch, NumberCounts
from components.drift_validator.sketches.texts import encode


class ColumnCounter:
    """Accumulates the sketch of one column."""

    def __init__(self, name: str, categorical: bool | None) -> None:
        """Creates an empty counter.

        Args:
          name: Name of the column.
          categorical: Whether numbers are categories; None decides by type (booleans are categories).
        """
        self._name = name
        self._categorical = categorical
        self._numbers = NumbersCounter()
        self._categories = CategoriesCounter()
        self._has_numbers = self._has_texts = self._is_nested = False
        self._filled = 0
        self._ones = 0
        self._lengths: dict[int, int] = {}

    def add(self, cells: FlatColumn | None, room: int, values: int) -> None:
        """Adds the next rows.

        Args:
          cells: The rows; None if their type is nested.
          room: Memory limit for numbers, in 8-byte words.
          values: Maximum number of distinct texts.
        """
        if cells is None:
            self._is_nested = True
            return
        self._add_lengths(cells)
        if len(cells.items) == 0:
            return
        if cells.is_text or self._categorical or (self._categorical is None and cells.items.dtype.kind == "b"):
            self._has_texts = True
            self._categories.add(cells.items, values)
        else:
            self._has_numbers = True
            self._numbers.add(cells.items, room)

    def result(self, rows: int, values: int) -> ColumnSketch:
        """Returns the sketch.

        Args:
          rows: Total number of rows.
          values: Maximum number of distinct texts.
        """
        lengths = None
        if self._lengths:
            counts = {1: self._ones, **self._lengths} if self._ones else self._lengths
            found = np.array(sorted(counts.items()), np.int64)
            lengths = NumberCounts(found[:, 0].astype(np.float64), found[:, 1])
        distribution = None if self._is_nested else self._distribution(values)
        missing = 0 if self._is_nested else rows - self._filled
        return ColumnSketch(self._name, rows, missing, distribution, lengths)

    def _distribution(self, values: int) -> CategoryCounts | NumberCounts:
        if not self._has_texts:
            # A column without values has the configured type, numbers by default.
            return self._numbers.result() if not self._categorical else self._categories.result(values)
        if self._has_numbers:
            numbers = self._numbers.result()
            codes, texts = encode(numbers.values)
            counts = np.zeros(len(texts), np.int64)
            np.add.at(counts, codes, numbers.counts)
            self._categories.add_counts(texts, counts, values)
        return self._categories.result(values)

    def _add_lengths(self, cells: FlatColumn) -> None:
        filled = cells.filled
        self._filled += filled
        if cells.counts is None or cells.counts.max(initial=0) <= 1:
            self._ones += filled
            return
        lengths, rows = np.unique(cells.counts[cells.counts > 0], return_counts=True)
        for length, count in zip(lengths.tolist(), rows.tolist(), strict=True):
            if length == 1:
                self._ones += count
            else:
                self._lengths[length] = self._lengths.get(length, 0) + count


def room_of(budget: int, columns: int) -> int:
    """Returns the memory limit of each column in 8-byte words.

    Args:
      budget: Memory limit of all columns, in bytes.
      columns: Number of columns.

    Returns:
      An equal part of the budget, at least 4,096.
    """
    return max(budget // 8 // max(columns, 1), 1 << 12)


def cell_texts(cells: FlatColumn | None, absent: str) -> tuple[np.ndarray, list[str]] | None:
    """Converts cells to one text per row.

    Args:
      cells: The rows.
      absent: Text for rows without a value.

    Returns:
      Code of each row [N], and the texts by code. None if the type is nested or a row has several values.
    """
    if cells is None or (cells.counts is not None and cells.counts.max(initial=0) > 1):
        return None
    codes, texts = encode(cells.items)
    if cells.counts is None:
        return codes.astype(np.int64), texts.to_pylist()
    by_row = np.full(cells.rows, len(texts), np.int64)
    by_row[cells.counts > 0] = codes
    return by_row, [*texts.to_pylist(), absent]
