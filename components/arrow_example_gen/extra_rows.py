"""Adds rows of selected slices from spans before the window, as the split `extra`.

The rows are a biased selection. In `train` they would be reported as drift and would distort the statistics, the schema
check and the label audit; in a separate split only Transform and Trainer read them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.errors import ConfigError, InputError
from components.table_reading.cells.text_parsing import parse
from components.table_reading.column_types import arrow_types

SPLIT = "extra"


@dataclass(frozen=True)
class ExtraRows:
    """A slice whose rows are added from spans before the window: one entry of [[data.extra]].

    Attributes:
      where: Column -> values as text. A row belongs to the slice if every column has one of its values.
      spans: Number of spans before the window from which rows are taken.
    """

    where: Mapping[str, Sequence[str]]
    spans: int

    def __str__(self) -> str:
        return " and ".join(f"{column} = {' or '.join(values)}" for column, values in self.where.items())

    @classmethod
    def from_fields(cls, fields: Mapping[str, object]) -> "ExtraRows":
        """Restores an instance from its `asdict` form, also after a round trip through JSON."""
        where, spans = fields["where"], fields["spans"]
        assert isinstance(where, dict) and isinstance(spans, int)
        return cls({column: tuple(values) for column, values in where.items()}, spans)

    def rows(self, batch: pa.RecordBatch) -> np.ndarray:
        """Whether each row of a batch belongs to the slice, bool [N]."""
        held = np.ones(batch.num_rows, bool)
        for column, values in self.where.items():
            cells = batch.column(column)
            held &= pc.is_in(cells, _typed(values, cells.type)).to_numpy(zero_copy_only=False)
        return held


def farthest(extras: Iterable[ExtraRows]) -> int:
    """The largest number of spans before the window that any entry needs; 0 without entries."""
    return max((extra.spans for extra in extras), default=0)


def taken(
    batch: pa.RecordBatch, extras: Sequence[ExtraRows], before: int, label: str
) -> tuple[pa.RecordBatch, np.ndarray]:
    """Selects the labelled rows of a batch that belong to at least one of the slices.

    Args:
      batch: Rows of one span, [N].
      extras: The slices.
      before: Distance of the span from the window's first span, at least 1; a slice with fewer `spans` is skipped.
      label: Label column.

    Returns:
      The selected rows, and the number of rows per slice, int64 [len(extras)]. A row of several slices counts for the
      first.
    """
    left = pc.is_valid(batch.column(label)).to_numpy(zero_copy_only=False)
    some, counts = np.zeros(batch.num_rows, bool), np.zeros(len(extras), np.int64)
    for at, extra in enumerate(extras):
        if extra.spans >= before:
            mine = extra.rows(batch) & left
            counts[at] = mine.sum()
            some |= mine
            left &= ~mine
    return batch.filter(pa.array(some)), counts


def check_columns(extras: Iterable[ExtraRows], columns: Mapping[str, str], place: str) -> None:
    """Validates the slices against the schema.

    Args:
      extras: The slices.
      columns: Column -> type alias.
      place: Name of the settings file, for messages.

    Raises:
      ConfigError: A column is not in the schema or holds lists, or a value does not fit its column's type.
    """
    for extra in extras:
        for column, values in extra.where.items():
            where = f"{place}: [[data.extra]] where"
            if column not in columns:
                raise ConfigError(f"{where}: '{column}' is not in the schema; available: {', '.join(columns)}")
            if columns[column].startswith("list:"):
                raise ConfigError(f"{where}: '{column}' holds lists; a column with one value per row is needed")
            typed = _typed(values, arrow_types({column: columns[column]})[column])
            if typed.null_count:
                bad = values[typed.is_null().to_pylist().index(True)]
                raise ConfigError(f"{where}: '{bad}' is not a valid {columns[column]}, the type of '{column}'")


def check_taken(extras: Sequence[ExtraRows], counts: Iterable[Sequence[int]], place: str) -> list[int]:
    """Sums the rows per slice over files and checks that no slice is empty.

    Args:
      extras: The slices.
      counts: For each file the rows per slice, [len(extras)].
      place: Folder or URL of the data, for messages.

    Raises:
      InputError: A slice has no rows.
    """
    total = [sum(found) for found in zip(*counts, strict=True)] or [0] * len(extras)
    for extra, rows in zip(extras, total, strict=True):
        if not rows:
            raise InputError(
                f"{place}: no labelled row of the {extra.spans} spans before the window has {extra}, the slice of "
                "[[data.extra]]; correct the entry, or remove it"
            )
    return total


def digest(extras: Sequence[ExtraRows]) -> str:
    """The entries as canonical JSON, for the data fingerprint."""
    return json.dumps([asdict(extra) for extra in extras], sort_keys=True)


def _typed(values: Sequence[str], type_: pa.DataType) -> pa.Array:
    texts = pa.array(list(values), pa.string())
    return texts if pa.types.is_string(type_) else parse(texts, type_)
