"""More rows of one slice: those of a few spans before the window, in a split of their own.

In a split of their own because they are chosen: mixed into `train` they would look like drift, and like the schema's
and the label audit's business. Transform and Trainer learn from both.
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
class Extra:
    """Rows that have one of `where`'s values in every column that it names, from the `spans` before the window.

    Values are texts, as a CSV would have them.
    """

    where: Mapping[str, Sequence[str]]
    spans: int

    def __str__(self) -> str:
        return " and ".join(f"{column} = {' or '.join(values)}" for column, values in self.where.items())

    @classmethod
    def from_fields(cls, fields: Mapping[str, object]) -> "Extra":
        """What `asdict` and JSON made of it."""
        where, spans = fields["where"], fields["spans"]
        assert isinstance(where, dict) and isinstance(spans, int)
        return cls({column: tuple(values) for column, values in where.items()}, spans)

    def rows(self, batch: pa.RecordBatch) -> np.ndarray:
        """Which rows of a batch are so, bool [N]."""
        held = np.ones(batch.num_rows, bool)
        for column, values in self.where.items():
            cells = batch.column(column)
            held &= pc.is_in(cells, _typed(values, cells.type)).to_numpy(zero_copy_only=False)
        return held


def farthest(extras: Iterable[Extra]) -> int:
    """How many spans before the window are read."""
    return max((extra.spans for extra in extras), default=0)


def taken(batch: pa.RecordBatch, extras: Sequence[Extra], before: int, label: str) -> tuple[pa.RecordBatch, np.ndarray]:
    """The labelled rows of a batch that any of `extras` wants, each once.

    Args:
      batch: Rows.
      extras: What is wanted.
      before: How many spans before the window the rows are from, at least 1.
      label: Label column.

    Returns:
      The rows, and how many of them are each one's, [len(extras)]; a row that two want is the first one's.
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


def check_columns(extras: Iterable[Extra], columns: Mapping[str, str], place: str) -> None:
    """ConfigError unless every column is there and can hold the value. `place` is the settings' file."""
    for extra in extras:
        for column, values in extra.where.items():
            where = f"{place}: [[data.extra]] where"
            if column not in columns:
                raise ConfigError(f"{where}: '{column}' is not in the schema; it names: {', '.join(columns)}")
            if columns[column].startswith("list:"):
                raise ConfigError(f"{where}: '{column}' holds lists; one value a row is needed")
            typed = _typed(values, arrow_types({column: columns[column]})[column])
            if typed.null_count:
                bad = values[typed.is_null().to_pylist().index(True)]
                raise ConfigError(f"{where}: '{bad}' is no {columns[column]}, as the schema says '{column}' is")


def check_taken(extras: Sequence[Extra], counts: Iterable[Sequence[int]], place: str) -> list[int]:
    """Rows by extra, summed over files; InputError if one of them found none. `place` is the folder."""
    total = [sum(found) for found in zip(*counts, strict=True)] or [0] * len(extras)
    for extra, rows in zip(extras, total, strict=True):
        if not rows:
            raise InputError(
                f"{place}: no labelled row of the {extra.spans} spans before the window has {extra}, as [[data.extra]] "
                "asks for; correct it, or take it out"
            )
    return total


def digest(extras: Sequence[Extra]) -> str:
    """What a data fingerprint takes for it."""
    return json.dumps([asdict(extra) for extra in extras], sort_keys=True)


def _typed(values: Sequence[str], type_: pa.DataType) -> pa.Array:
    texts = pa.array(list(values), pa.string())
    return texts if pa.types.is_string(type_) else parse(texts, type_)
