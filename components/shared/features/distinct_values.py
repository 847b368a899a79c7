"""Whether values that were different still are after a step: a comparison on a sample of rows. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

MOST_SAMPLED = 8_192
"""Rows of a number that are compared, at most twice as many."""
MOST_LOST = 0.1
"""Share of the different values that may become equal before it is a finding, if LEAST_ROWS have one of them: the ends
of a long tail are cut, which is no loss worth a word."""
LEAST_ROWS = 0.01
_MISSING_INT = -(2**63)


@dataclass(frozen=True)
class Kept:
    """What became of a column's values.

    Attributes:
      column: Its name.
      kind: categorical, numeric, cyclical, label, or float32: as ingest stored it.
      distinct: Different values that were compared.
      learned: Different values that they became.
      unknown: Share of the rows whose value the graph does not know, 0 to 1; categorical columns.
      explained: Of these the share that min_count explains, as a share of the rows, too.
      affected: Share of the rows whose value became equal to another one, or unknown without such a reason.
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
        """As values.json has it."""
        return asdict(self)


class NumberSample:
    """Rows of a column, every 1st, 2nd, 4th ... of a stream, so that they stay few; the same for the same stream."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._step, self._skip, self._size = 1, 0, 0

    def add(self, values: pa.Array) -> None:
        """Takes in a batch's cells."""
        if pa.types.is_null(values.type):
            return
        chosen = np.arange(self._skip, len(values), self._step)
        self._skip = int(chosen[-1]) + self._step - len(values) if len(chosen) else self._skip - len(values)
        if self._step > 1:
            values = values.take(pa.array(chosen))
        numbers = known(values)
        self._parts.append(numbers)
        self._size += len(numbers)
        while self._size > 2 * MOST_SAMPLED:
            self._parts = [np.concatenate(self._parts)[::2]]
            self._step, self._size = 2 * self._step, len(self._parts[0])

    def values(self) -> np.ndarray:
        """Those that were kept."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.float32)


def known(values: pa.Array) -> np.ndarray:
    """A column's numbers without missing ones."""
    numbers = values.drop_null().to_numpy(zero_copy_only=False)
    return numbers[numbers != _MISSING_INT if numbers.dtype.kind == "i" else np.isfinite(numbers)]


def told_apart(name: str, kind: str, values: np.ndarray, *became: np.ndarray) -> Kept:
    """Compares a column's values with what they became.

    Args:
      name: The column.
      kind: See Kept.
      values: [N].
      became: Arrays [N], which together stand for the value.
    """
    if not len(values):
        return Kept(name, kind, 0, 0)
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
    if lost > MOST_LOST * distinct and affected > LEAST_ROWS:
        finding = f"of {distinct:,} different values {learned:,} are left ({affected:.0%} of the rows have one of them)"
    return Kept(name, kind, distinct, learned, affected=affected, finding=finding)


def _codes(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1].reshape(-1)
