"""Checks on a sample whether distinct values of a column are still distinct after a transformation."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

MAX_SAMPLED = 8_192
"""Rows of a numeric column that are compared; at most twice as many."""
MAX_LOST = 0.1
"""Share of the distinct values that may become equal before it is a finding, if MIN_ROWS of the rows have one of
them; clipping the ends of a long tail is not a finding."""
MIN_ROWS = 0.01
_MISSING_INT = -(2**63)


@dataclass(frozen=True)
class ValueRetention:
    """How many distinct values of a column remain.

    Attributes:
      column: Name of the column.
      kind: categorical, numeric, cyclical, label, or float32 for the storage by ingest.
      distinct: Number of distinct values compared.
      learned: Number of distinct values after the transformation.
      unknown: Share of the rows whose value is not in the vocabulary, in [0, 1]; categorical columns only.
      explained: The part of `unknown` that min_count explains, as a share of the rows.
      affected: Share of the rows whose value became equal to another one, or unknown for no such reason.
      finding: What is wrong; "" if nothing is.
    """

    column: str
    kind: str
    distinct: int
    learned: int
    unknown: float = 0.0
    explained: float = 0.0
    affected: float = 0.0
    finding: str = ""

    def to_json(self) -> dict[str, Any]:
        """Returns the column's entry in values.json."""
        return asdict(self)


class NumberSample:
    """A deterministic sample of a stream of rows: every row, then every 2nd, 4th ... as the stream grows."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._step, self._skip, self._size = 1, 0, 0

    def add(self, values: pa.Array) -> None:
        """Adds the cells of a batch."""
        if pa.types.is_null(values.type):
            return
        chosen = np.arange(self._skip, len(values), self._step)
        self._skip = int(chosen[-1]) + self._step - len(values) if len(chosen) else self._skip - len(values)
        if self._step > 1:
            values = values.take(pa.array(chosen))
        numbers = known(values)
        self._parts.append(numbers)
        self._size += len(numbers)
        while self._size > 2 * MAX_SAMPLED:
            self._parts = [np.concatenate(self._parts)[::2]]
            self._step, self._size = 2 * self._step, len(self._parts[0])

    def values(self) -> np.ndarray:
        """Returns the sampled values."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.float32)


def known(values: pa.Array) -> np.ndarray:
    """Returns a column's numbers without missing ones."""
    numbers = values.drop_null().to_numpy(zero_copy_only=False)
    return numbers[numbers != _MISSING_INT if numbers.dtype.kind == "i" else np.isfinite(numbers)]


def told_apart(name: str, kind: str, values: np.ndarray, *became: np.ndarray) -> ValueRetention:
    """Counts the distinct values of a column before and after a transformation.

    Args:
      name: Name of the column.
      kind: See Kept.
      values: Values before, [N].
      *became: Arrays [N] that together represent the value after the transformation.

    Returns:
      The counts, with a finding if too many values became equal.
    """
    if not len(values):
        return ValueRetention(name, kind, 0, 0)
    was = _codes(values)
    now = np.zeros(len(values), np.int64)
    for part in became:
        codes = _codes(part)
        now = _codes(now * (int(codes.max()) + 1) + codes)
    pairs = np.unique(np.column_stack([now, was]), axis=0)
    shared = np.bincount(pairs[:, 0]) > 1
    distinct, learned = int(was.max()) + 1, int(now.max()) + 1
    affected = float(shared[now].mean())
    lost = distinct - learned
    finding = ""
    if lost > MAX_LOST * distinct and affected > MIN_ROWS:
        finding = f"{distinct:,} distinct values become {learned:,} ({affected:.0%} of the rows have one of them)"
    return ValueRetention(name, kind, distinct, learned, affected=affected, finding=finding)


def _codes(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1].reshape(-1)
