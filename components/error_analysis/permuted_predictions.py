"""Predictions of a SavedModel for rows with one feature permuted, several permutations in one batch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from components.error_analysis.row_losses import RowLosses, row_losses
from components.shared.progress import report_progress
from components.shared.serving.serving_contract import ModelOutput, SavedModel

BATCH = 8192
"""Minimum number of rows of a prediction batch, if there are as many."""
BATCH_BYTES = 1 << 28
"""Maximum bytes of the columns of a batch, if the rows themselves have fewer; images reach it first."""
Permutation = tuple[str | None, np.ndarray]
"""(feature, order [R]); feature None stands for unpermuted rows."""


class PermutedPredictions:
    """Predicts R rows with one feature permuted at a time."""

    def __init__(self, model: SavedModel, cells: Mapping[str, pa.Array], task: str, target: np.ndarray) -> None:
        """Prepares the rows.

        Args:
          model: The SavedModel.
          cells: Column -> R values or lists of values.
          task: "binary", "multiclass" or "regression".
          target: Labels [R].
        """
        from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

        self._model, self._task, self._target = model, task, target
        self._encode: Any = RecordBatchToExamplesEncoder().encode
        # A column without values has no type to encode; an example without the column is equivalent.
        self._cells = {name: column for name, column in cells.items() if column.null_count < len(column)}

    def __call__(self, permutations: Sequence[Permutation]) -> Iterator[RowLosses]:
        """Yields the outcomes of the R rows for each permutation, in order."""
        rows = len(self._target)
        size = sum(column.nbytes for column in self._cells.values())
        together = max(1, min(BATCH // max(1, rows), BATCH_BYTES // max(1, size)))
        for start in range(0, len(permutations), together):
            report_progress(f"permutation {start + 1} of {len(permutations)}", start, len(permutations))
            some = permutations[start : start + together]
            predicted = self._model.predict(self._records(some))
            for at in range(len(some)):
                yield self._outcomes(predicted, slice(at * rows, (at + 1) * rows))
        report_progress("")

    def _records(self, permutations: Sequence[Permutation]) -> np.ndarray:
        if not self._cells:
            return np.full(len(permutations) * len(self._target), b"", object)
        return np.array(self._encode(self._table(permutations)), object)

    def _table(self, permutations: Sequence[Permutation]) -> pa.RecordBatch:
        """Concatenates the rows of all permutations."""
        rows = len(self._target)
        columns = []
        for name, column in self._cells.items():
            order = np.tile(np.arange(rows), (len(permutations), 1))
            for at, (feature, permuted) in enumerate(permutations):
                if feature == name:
                    order[at] = permuted
            columns.append(_as_lists(column.take(pa.array(order.ravel()))))
        return pa.RecordBatch.from_arrays(columns, list(self._cells))

    def _outcomes(self, predicted: ModelOutput, at: slice) -> RowLosses:
        decided = None if predicted.decided is None else predicted.decided[at]
        return row_losses(self._task, self._target, predicted.output[at], decided)


def _as_lists(column: pa.Array) -> pa.Array:
    """Converts values to lists of one value and nulls to empty lists; lists stay as they are."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return column
    offsets = np.concatenate([[0], np.cumsum(column.is_valid().to_numpy(zero_copy_only=False))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), column.drop_null())
