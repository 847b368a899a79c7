"""A predict request whose values are checked, and the arrays of a batch of them."""

from collections.abc import Hashable, Sequence

import numpy as np

from serving.rest.columns import Columns, Flat


class PredictRequest:
    """A request, checked. Its arrays are made when they are asked for.

    Attributes:
      signature: Name of the signature.
      rows: N, the first dimension of all inputs; None if they differ or an input is a scalar: such a request cannot be
        batched with others.
      row_format: Whether it was sent as `instances`, so that the answer is `predictions`.
      squeeze: Trailing dimensions of size 1 that the inputs were sent without, see `fitted` in tensors.py; the outputs
        are answered without them, too.
    """

    __slots__ = ("_arrays", "_columns", "_flat", "row_format", "rows", "signature", "squeeze")

    def __init__(
        self,
        signature: str,
        rows: int | None,
        row_format: bool,
        values: tuple[Columns, Flat] | dict[str, np.ndarray],
        squeeze: int = 0,
    ) -> None:
        """Takes the values of all inputs: scalars with the Columns that make arrays of them, or the arrays."""
        self.signature = signature
        self.rows = rows
        self.row_format = row_format
        self.squeeze = squeeze
        self._arrays: dict[str, np.ndarray] | None = None
        self._columns: Columns | None = None
        self._flat: Flat = []
        if isinstance(values, dict):
            self._arrays = values
        else:
            self._columns, self._flat = values

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """Array of each input, as `LoadedModel.run` takes them: [N, ...]; strings are object arrays of bytes."""
        if self._arrays is None:
            assert self._columns is not None
            self._arrays = self._columns.arrays([self._flat], self.rows or 0)
        return self._arrays

    @property
    def batch_key(self) -> Hashable:
        """What requests of one batch have in common; None if this one cannot be batched, see `batched`."""
        if self._columns is not None:
            return self.signature
        if self.rows is None:
            return None
        return self.signature, tuple((name, values.shape[1:]) for name, values in sorted(self.inputs.items()))


def batched(requests: Sequence[PredictRequest]) -> dict[str, np.ndarray]:
    """Returns the inputs of several requests as one, row after row.

    Args:
      requests: Requests for one loaded model, with the same batch_key, which is not None.
    """
    first = requests[0]
    if len(requests) == 1:
        return first.inputs
    if first._columns is not None:
        return first._columns.arrays([one._flat for one in requests], sum(one.rows or 0 for one in requests))
    return {name: np.concatenate([one.inputs[name] for one in requests]) for name in first.inputs}
