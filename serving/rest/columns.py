"""Scalars by row or by column -> one array per input: the common request, fast.

A request is kept as Python values, checked, and becomes arrays together with the requests of its batch: making arrays
of one row costs more than reading its JSON. Whatever is not as expected here is read by predict.py input by input,
which also finds what is wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from serving.models.signatures import Signature, TensorSpec
from serving.rest.limits import Limits
from serving.rest.tensors import SUPPORTED, are_plain, leaves, missing_value

_UTF8 = 4
"""Most bytes of a character."""
Flat = list[Sequence[Any]]
"""Per type of the signature, the values of N rows and the K inputs of that type, row by row, [N * K]."""


class _Group:
    """The inputs of one type."""

    def __init__(self, dtype: str, specs: Sequence[TensorSpec]) -> None:
        self.dtype = dtype
        self.names = [spec.name for spec in specs]
        self.missing = [missing_value(spec) for spec in specs]  # None: the input is required
        self.of: Callable[[Mapping[str, Any]], tuple[Any, ...]] = _getter(self.names)

    def filled(self, values: Sequence[Any], rows: int) -> Sequence[Any]:
        """Replaces null by the missing value of its input."""
        if None not in values:
            return values
        return [other if value is None else value for value, other in zip(values, self.missing * rows, strict=True)]


def _getter(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    name = names[0]
    return lambda values: (values[name],)


class Columns:
    """The inputs of a signature, prepared for scalars."""

    def __init__(self, signature: Signature, limits: Limits) -> None:
        self._longest = limits.text_bytes
        self._number = len(signature.inputs)
        missing = {name: missing_value(spec) for name, spec in signature.inputs.items()}
        self._blank = {name: value for name, value in missing.items() if value is not None}
        specs: dict[str, list[TensorSpec]] = {}
        for name, spec in signature.inputs.items():
            specs.setdefault(spec.dtype, []).append(
                TensorSpec(name, spec.dtype, spec.shape, spec.optional, spec.default)
            )
        scalar = all(map(_is_scalar, signature.inputs.values()))
        self._groups = [_Group(dtype, group) for dtype, group in specs.items()] if scalar else []

    def complete(self, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """Returns the rows with the missing value of each optional input that a row lacks."""
        if not self._blank or set(map(len, rows)) == {self._number}:
            return rows
        return [{**self._blank, **row} for row in rows]

    def of_rows(self, rows: Sequence[Any], short: bool) -> Flat | None:
        """Returns the values of N >= 1 objects with a scalar of the right type per input.

        Args:
          rows: The objects.
          short: Whether all strings are known to be within the limit.

        Returns:
          None if a row is something else.
        """
        if not self._groups or set(map(type, rows)) != {dict}:
            return None
        rows = self.complete(rows)
        if set(map(len, rows)) != {self._number}:
            return None
        flat: Flat = []
        try:
            for group in self._groups:
                values: Sequence[Any]
                values = group.of(rows[0]) if len(rows) == 1 else list(chain.from_iterable(map(group.of, rows)))
                values = group.filled(values, len(rows))
                if not are_plain(values, group.dtype) or not (short or self._are_short(values, group.dtype)):
                    return None
                flat.append(values)
        except KeyError:
            return None
        return flat

    def of_columns(self, columns: Mapping[str, Any], short: bool) -> tuple[Flat, int] | None:
        """Returns the values, and N, of lists with N >= 1 scalars of the right type for every input.

        Args:
          columns: Input -> list.
          short: Whether all strings are known to be within the limit.

        Returns:
          None if a column lacks or is something else.
        """
        flat: Flat = []
        sizes: set[int] = set()
        try:
            for group in self._groups:
                lists = group.of(columns)
                if set(map(type, lists)) != {list}:
                    return None
                sizes.update(map(len, lists))
                if len(sizes) != 1:
                    return None
                values = group.filled(list(chain.from_iterable(zip(*lists, strict=True))), len(lists[0]))
                if not values or not are_plain(values, group.dtype):
                    return None
                if not (short or self._are_short(values, group.dtype)):
                    return None
                flat.append(values)
        except KeyError:
            return None
        return (flat, sizes.pop()) if flat else None

    def _are_short(self, values: Sequence[Any], dtype: str) -> bool:
        return dtype != "STRING" or _UTF8 * max(map(len, values)) <= self._longest

    def arrays(self, batch: Sequence[Flat], rows: int) -> dict[str, np.ndarray]:
        """Returns the arrays by input, [rows] each, of the requests of a batch in their order."""
        arrays: dict[str, np.ndarray] = {}
        for place, group in enumerate(self._groups):
            values = batch[0][place] if len(batch) == 1 else list(chain.from_iterable(one[place] for one in batch))
            by_row = leaves(values, group.dtype, self._longest).reshape(rows, -1)
            arrays.update(zip(group.names, np.ascontiguousarray(by_row.T), strict=True))
        return arrays


def _is_scalar(spec: TensorSpec) -> bool:
    return spec.dtype in SUPPORTED and (spec.shape is None or (len(spec.shape) == 1 and spec.shape[0] < 0))
