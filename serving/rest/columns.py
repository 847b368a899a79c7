"""Scalars by row or by column -> one array per input, all inputs of a type at once: the common request, fast.

Whatever is not as expected here is read by predict.py input by input, which also finds what is wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from serving.models.signatures import Signature, TensorSpec
from serving.rest.limits import Limits
from serving.rest.tensors import SUPPORTED, WrongType, leaves, missing_value


class _Group:
    """The inputs of one type."""

    def __init__(self, dtype: str, specs: Sequence[TensorSpec]) -> None:
        self.dtype = dtype
        self.names = [spec.name for spec in specs]
        self.missing = [missing_value(spec) for spec in specs]  # None: the input is required
        self.of: Callable[[Mapping[str, Any]], tuple[Any, ...]] = _getter(self.names)

    def filled(self, values: Sequence[Any], missing: Sequence[Any]) -> Sequence[Any]:
        """Replaces null by the missing value at its place."""
        if None not in values:
            return values
        return [other if value is None else value for value, other in zip(values, missing, strict=True)]


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

    def of_rows(self, rows: Sequence[Any]) -> dict[str, np.ndarray] | None:
        """Returns the arrays by input, [N] each, of N >= 1 objects with a scalar of the right type per input.

        Returns:
          None if a row is something else.

        Raises:
          ServingError: 400: a string is too long, or its base64 is wrong.
        """
        if not self._groups or set(map(type, rows)) != {dict}:
            return None
        rows = self.complete(rows)
        if set(map(len, rows)) != {self._number}:
            return None
        arrays: dict[str, np.ndarray] = {}
        number = len(rows)
        try:
            for group in self._groups:
                if number == 1:
                    flat = leaves(group.filled(group.of(rows[0]), group.missing), group.dtype, self._longest)
                    matrix = flat.reshape(-1, 1)
                else:
                    values = list(chain.from_iterable(map(group.of, rows)))
                    flat = leaves(group.filled(values, group.missing * number), group.dtype, self._longest)
                    matrix = np.ascontiguousarray(flat.reshape(number, -1).T)
                arrays.update(zip(group.names, matrix, strict=True))
        except (KeyError, WrongType):
            return None
        return arrays

    def of_columns(self, columns: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """Returns the arrays by input, [N] each, of lists with N scalars of the right type for every input.

        Returns:
          None if a column lacks or is something else.

        Raises:
          ServingError: 400: a string is too long, or its base64 is wrong.
        """
        arrays: dict[str, np.ndarray] = {}
        sizes: set[int] = set()
        try:
            for group in self._groups:
                lists = group.of(columns)
                if set(map(type, lists)) != {list}:
                    return None
                sizes.update(map(len, lists))
                if len(sizes) != 1:
                    return None
                number = len(lists[0])
                values = list(chain.from_iterable(lists))
                missing = [one for one in group.missing for _ in range(number)] if None in values else ()
                flat = leaves(group.filled(values, missing), group.dtype, self._longest)
                arrays.update(zip(group.names, flat.reshape(len(lists), number), strict=True))
        except (KeyError, WrongType):
            return None
        return arrays or None


def _is_scalar(spec: TensorSpec) -> bool:
    return spec.dtype in SUPPORTED and (spec.shape is None or (len(spec.shape) == 1 and spec.shape[0] < 0))
