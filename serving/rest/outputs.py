"""Outputs of a model -> the JSON of a predict answer (MakeJsonFromTensors in util/json_tensor.cc)."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.errors import invalid
from serving.rest.json_writer import dumps


def encode_rows(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Returns {"predictions": [...]}: per row an object with all outputs, or a value if there is one output.

    Raises:
      ServingError: 400, see `PredictCodec.encode`.
    """
    return dumps({"predictions": rows_of(outputs)})


def rows_of(outputs: Mapping[str, np.ndarray]) -> list[Any]:
    """Returns what is written for each row: an object with all outputs, or a value if there is one output.

    Raises:
      ServingError: 400, see `PredictCodec.encode`.
    """
    check_batch(outputs)
    columns = {name: _elements(writable(name, values)) for name, values in outputs.items()}
    if len(columns) == 1:
        return next(iter(columns.values()))
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def encode_columns(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Returns {"outputs": {...}}: an array per output, or the array of the only output.

    Raises:
      ServingError: 400, see `PredictCodec.encode`.
    """
    _check_any(outputs)
    columns = {name: writable(name, values) for name, values in outputs.items()}
    return dumps({"outputs": columns if len(columns) > 1 else next(iter(columns.values()))})


def _check_any(outputs: Mapping[str, np.ndarray]) -> None:
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")


def check_batch(outputs: Mapping[str, np.ndarray]) -> int:
    """Returns the first dimension of the outputs (MakeRowFormatJsonFromTensors).

    Raises:
      ServingError: 400: an output has no dimension, or another first dimension.
    """
    _check_any(outputs)
    batch = -1
    for name, values in outputs.items():
        if not values.ndim:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if batch not in (-1, len(values)):
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {len(values)} expecting: {batch}")
        batch = len(values)
    return batch


def writable(name: str, values: np.ndarray) -> Any:
    """Returns an output as `dumps` writes it: strings as nested lists of str, or of {"b64": ...}; others as they are.

    Raises:
      ServingError: 400: the type cannot be represented in JSON.
    """
    if values.dtype.kind in "OSU":
        return _texts(values.tolist(), as_bytes=name.endswith("_bytes"))
    if values.dtype.kind == "c" or values.dtype.kind not in "fiubV":
        raise invalid(f"Failed to write JSON value for tensor type: {values.dtype}")
    return values


def _texts(value: Any, as_bytes: bool) -> Any:
    if isinstance(value, list):
        return [_texts(item, as_bytes) for item in value]
    if isinstance(value, str):
        value = value.encode()
    if not as_bytes:
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(value).decode()}


def _elements(column: Any) -> list[Any]:
    """The column by row. Integers as int; float32 as np.float32, which `dumps` writes shorter than a float."""
    if isinstance(column, np.ndarray):
        return column.tolist() if column.ndim == 1 and column.dtype.kind in "iub" else list(column)
    return column
