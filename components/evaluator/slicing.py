"""Divides rows by the values of columns: into slices with TFMA's names, and into groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

Value = bytes | str | int | float
MISSING = "(missing)"


@dataclass(frozen=True)
class Slice:
    """Rows with equal values in some columns.

    Attributes:
      key: (column, value) for each column, TFMA's slice key.
      rows: Row indices, ascending.
    """

    key: tuple[tuple[str, Value], ...]
    rows: np.ndarray

    @property
    def name(self) -> str:
        """Name of the slice: (("origin", b"EWR"), ("carrier", b"UA")) -> "origin=EWR, carrier=UA"."""
        return slice_name(self.key)


def slice_name(key: Sequence[tuple[str, Value]]) -> str:
    """Returns a slice's name: "origin=EWR"; several columns are joined by ", "; the overall slice is ""."""
    return ", ".join(f"{column}={_text(value)}" for column, value in key)


def slices_of(columns: Mapping[str, pa.Array], keys: Sequence[Sequence[str]]) -> list[Slice]:
    """Returns all slices of the given columns and crosses; rows with a missing value belong to none.

    Args:
      columns: Column -> one value per row, [N].
      keys: Columns of each slicing spec.
    """
    return [
        Slice(tuple((column, value) for column, value in zip(key, values, strict=True) if value is not None), at)
        for key in keys
        for values, at in _parted(columns, key).items()
        if None not in values
    ]


def groups_of(columns: Mapping[str, pa.Array], column: str) -> dict[str, np.ndarray]:
    """Returns value of a column, as text -> row indices; MISSING for rows without a value."""
    return {MISSING if value is None else _text(value): at for (value,), at in _parted(columns, [column]).items()}


def _parted(columns: Mapping[str, pa.Array], keys: Sequence[str]) -> dict[tuple[Value | None, ...], np.ndarray]:
    """Combination of values -> row indices; None is missing."""
    rows = len(columns[keys[0]])
    codes = np.zeros(rows, np.int64)
    names: list[tuple[Value | None, ...]] = [()]
    for key in keys:
        encoded = columns[key].dictionary_encode()
        values = [*encoded.dictionary.to_pylist(), None]
        place = encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
        # Only crosses that occur are kept, so that there are no more codes than rows.
        seen, codes = np.unique(codes * len(values) + place, return_inverse=True)
        names = [(*names[code // len(values)], values[code % len(values)]) for code in seen]
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(codes, minlength=len(names)))[:-1])
    return dict(zip(names, parts, strict=True)) if rows else {}


def _text(value: Value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
