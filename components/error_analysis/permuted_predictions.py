"""A model's answers to rows with one feature's values in another order, many orders in one call."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from components.error_analysis.row_losses import Outcomes, outcomes
from components.shared.serving.serving_contract import Answers, SavedModel

BATCH = 8192
"""Rows that the model is asked about at a time, at least."""
Question = tuple[str | None, np.ndarray]
"""(feature, order [R]); None is the rows as they are."""


class Permuted:
    """Rows whose features are dealt out anew."""

    def __init__(self, model: SavedModel, cells: Mapping[str, pa.Array], task: str, target: np.ndarray) -> None:
        """Columns of R rows, one value a row or lists, with their labels [R]."""
        from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

        self._model, self._task, self._target = model, task, target
        self._encode: Any = RecordBatchToExamplesEncoder().encode
        # A column without any value has no type to encode, and an example without it means the same.
        self._cells = {name: column for name, column in cells.items() if column.null_count < len(column)}

    def __call__(self, questions: Sequence[Question]) -> Iterator[Outcomes]:
        """Outcomes of each question, in order."""
        rows = len(self._target)
        together = max(1, BATCH // max(1, rows))
        for start in range(0, len(questions), together):
            some = questions[start : start + together]
            said = self._model.answers(self._records(some))
            for at in range(len(some)):
                yield self._outcomes(said, slice(at * rows, (at + 1) * rows))

    def _records(self, questions: Sequence[Question]) -> np.ndarray:
        if not self._cells:
            return np.full(len(questions) * len(self._target), b"", object)
        return np.array(self._encode(self._table(questions)), object)

    def _table(self, questions: Sequence[Question]) -> pa.RecordBatch:
        """The rows of all questions below each other."""
        rows = len(self._target)
        columns = []
        for name, column in self._cells.items():
            order = np.tile(np.arange(rows), (len(questions), 1))
            for at, (feature, permuted) in enumerate(questions):
                if feature == name:
                    order[at] = permuted
            columns.append(_as_lists(column.take(pa.array(order.ravel()))))
        return pa.RecordBatch.from_arrays(columns, list(self._cells))

    def _outcomes(self, said: Answers, at: slice) -> Outcomes:
        decided = None if said.decided is None else said.decided[at]
        return outcomes(self._task, self._target, said.output[at], decided)


def _as_lists(column: pa.Array) -> pa.Array:
    """One value a row as lists of one value; an empty list where there is none. Lists stay."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return column
    offsets = np.concatenate([[0], np.cumsum(column.is_valid().to_numpy(zero_copy_only=False))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), column.drop_null())
