"""POST /v1/models/MODEL:predict in TensorFlow Serving's JSON (g3doc/api_rest.md; util/json_tensor.cc).

    {"signature_name": "...", "instances": [row, ...]}   rows: objects of all inputs, or values of the only input
    {"signature_name": "...", "inputs": {name: column}}  columns, or the value of the only input

    {"predictions": [...]}                               one object per row, or one value if there is one output
    {"outputs": {...}}                                   columns, or one value

As in TF Serving, objects of `instances` need exactly the keys of the signature, `inputs` may have more keys, the other
keys of the body are ignored, and an output whose name ends in `_bytes` is written as {"b64": "..."}.

Beyond TF Serving, whose REST API ignores the defaults of a SignatureDef: an input with a default (TensorSpec.optional)
may be left out of an object of `instances` and out of `inputs`, and may be null. It then has its default: the missing
value that the Trainer gives it, NaN, "" or -2^63. TF Serving answers both with 400.

Stricter than TF Serving: integers beyond the type are refused instead of wrapped, and the shape must be the one of the
signature. A string that is not UTF-8 is written as {"b64": "..."}, where TF Serving writes the bytes into the JSON.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.errors import ServingError, invalid
from serving.models.signatures import Signature, TensorSpec
from serving.rest.columns import Columns
from serving.rest.json_reader import read_object, shown
from serving.rest.limits import Limits
from serving.rest.outputs import encode_columns, encode_rows
from serving.rest.predict_request import PredictRequest
from serving.rest.tensors import fitted, is_base64, missing_value, tensor

DEFAULT_SIGNATURE = "serving_default"
_NAMES_SHOWN = 10


class PredictCodec:
    """Reads and writes the predict requests of one loaded model. Thread-safe."""

    def __init__(self, signatures: Mapping[str, Signature], limits: Limits | None = None) -> None:
        """Prepares the signatures.

        Args:
          signatures: Signatures of the model by name.
          limits: Limits of a request.
        """
        self._signatures = signatures
        self._limits = limits or Limits()
        self._columns = {name: Columns(one, self._limits) for name, one in signatures.items()}

    def decode(self, body: bytes) -> PredictRequest:
        """Reads the body of a request.

        Raises:
          ServingError: 400: the body is not as described above; the message names the input and the row. 501: an input
            has a type that JSON cannot represent.
        """
        document = read_object(body)
        signature = named_signature(document, self._signatures)
        short = len(body) <= self._limits.text_bytes  # so is every string
        if "instances" in document and "inputs" in document:
            raise invalid(
                f"JSON Value: {shown(document)} Not formatted correctly expecting only one of 'inputs' or 'instances' "
                "keys to exist "
            )
        if "instances" in document:
            return self._rows(document, signature, short)
        if "inputs" in document:
            return self._by_input(document["inputs"], signature, short)
        raise invalid("Missing 'inputs' or 'instances' key")

    def _rows(self, document: dict[str, Any], signature: Signature, short: bool) -> PredictRequest:
        rows = document["instances"]
        if type(rows) is not list:
            raise invalid(f"JSON Value: {shown(document)} Expecting 'instances' to be an list/array")
        if not rows:
            raise invalid(f"JSON Value: {shown(document)} No values in 'instances' array")
        check_rows(len(rows), self._limits)
        columns = self._columns[signature.name]
        flat = columns.of_rows(rows, short)
        if flat is not None:
            return PredictRequest(signature.name, len(rows), True, (columns, flat))
        if type(rows[0]) is not dict and len(signature.inputs) > 1:
            raise invalid(
                "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
                "tensorinfo_map"
            )
        if _is_row(rows[0]):
            by_name = _named_columns(rows, signature, columns)
        else:
            _check_plain(rows)
            by_name = {next(iter(signature.inputs)): rows}
        arrays = {
            name: _stacked(name, values, signature.inputs[name], self._limits) for name, values in by_name.items()
        }
        return _request(signature, arrays, row_format=True, limits=self._limits)

    def _by_input(self, value: Any, signature: Signature, short: bool) -> PredictRequest:
        if type(value) is not dict or is_base64(value):
            if len(signature.inputs) > 1:
                raise invalid(
                    "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                    "tensorinfo_map"
                )
            value = {next(iter(signature.inputs)): value}
        columns = self._columns[signature.name]
        found = columns.of_columns(value, short)
        if found is not None:
            flat, rows = found
            check_rows(rows, self._limits)
            return PredictRequest(signature.name, rows, False, (columns, flat))
        arrays: dict[str, np.ndarray] = {}
        for name, spec in signature.inputs.items():
            if value.get(name) is not None or (name in value and not spec.optional):
                try:
                    arrays[name] = tensor(value[name], spec, self._limits)
                except ServingError as exc:
                    raise ServingError(exc.status, f"input {name}: {exc.message}") from exc
            elif not spec.optional:
                raise invalid(f"Missing named input: {name} in 'inputs' object.")
        with_defaults(arrays, signature, self._limits)
        return _request(signature, arrays, row_format=False, limits=self._limits)

    def encode(self, request: PredictRequest, outputs: Mapping[str, np.ndarray]) -> bytes:
        """Writes the answer.

        Args:
          request: The request.
          outputs: What `LoadedModel.run` returned; [N, ...] each for a request in row format.

        Raises:
          ServingError: 400, as TF Serving: there is no output, or outputs in row format have no or different first
            dimensions, or a type that JSON cannot represent.
        """
        if request.squeeze:
            specs = self._signatures[request.signature].outputs
            outputs = {name: _squeezed(name, values, specs, request.squeeze) for name, values in outputs.items()}
        return encode_rows(outputs) if request.row_format else encode_columns(outputs)


def named_signature(document: Mapping[str, Any], signatures: Mapping[str, Signature]) -> Signature:
    """Returns the signature that a request names with `signature_name`; serving_default if it names none.

    Raises:
      ServingError: 400: the name is not a string, or the model has no such signature, or it has no inputs.
    """
    name = document.get("signature_name", "")
    if type(name) is not str:
        raise invalid(
            f"JSON Value: {shown(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise invalid(f'Serving signature name: "{name}" not found in signature def')
    if not signatures[name].inputs:
        raise invalid(f"Failed to get input map for signature: {name}")
    return signatures[name]


def check_rows(rows: int, limits: Limits) -> None:
    """Refuses a request with too many rows.

    Raises:
      ServingError: 400.
    """
    if rows > limits.rows:
        raise invalid(f"the request has {rows:,} rows; the server accepts at most {limits.rows:,} per request")


def with_defaults(arrays: dict[str, np.ndarray], signature: Signature, limits: Limits) -> None:
    """Adds the optional inputs that `arrays` lacks, with their defaults for all N rows, [N, ...].

    Raises:
      ServingError: 400: no input was sent, so that N is unknown, or an input has no default that can be repeated, or
        N is beyond the limit.
    """
    lacking = [name for name in signature.inputs if name not in arrays]
    if not lacking:
        return
    rows = common_rows(arrays)
    if rows is None:
        raise invalid(f"inputs {_listed(lacking)} can be left out only if the other inputs have one number of rows")
    check_rows(rows, limits)
    for name in lacking:
        spec = signature.inputs[name]
        value = missing_value(spec)
        if value is None:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
        shape = (rows, *(max(size, 1) for size in (spec.shape or ())[1:]))
        arrays[name] = np.full(shape, value.encode() if type(value) is str else value, spec.numpy_dtype)


def common_rows(arrays: Mapping[str, np.ndarray]) -> int | None:
    """Returns the first dimension of all arrays; None if they differ, or if an array has no dimension."""
    sizes = {values.shape[0] if values.ndim else None for values in arrays.values()}
    return sizes.pop() if len(sizes) == 1 else None


def _squeezed(name: str, values: np.ndarray, specs: Mapping[str, TensorSpec], number: int) -> np.ndarray:
    shape = specs[name].shape if name in specs else None
    if shape is None or len(shape) != values.ndim or values.ndim <= number or set(shape[-number:]) != {1}:
        return values
    return values.reshape(values.shape[:-number])


def _request(signature: Signature, arrays: dict[str, np.ndarray], row_format: bool, limits: Limits) -> PredictRequest:
    added = set()
    for name, values in arrays.items():
        arrays[name], dimensions = fitted(name, values, signature.inputs[name])
        added.add(dimensions)
    rows = common_rows(arrays)
    check_rows(rows or 0, limits)
    squeeze = added.pop() if len(added) == 1 else 0
    return PredictRequest(signature.name, rows, row_format, arrays, squeeze)


def _is_row(value: Any) -> bool:
    return type(value) is dict and not is_base64(value)


def _check_plain(rows: list[Any]) -> None:
    for number, row in enumerate(rows):
        if _is_row(row):
            raise invalid(f"Expecting value/list but got object at item {number} of input list")


def _named_columns(rows: list[Any], signature: Signature, columns: Columns) -> dict[str, list[Any]]:
    """The values by input, [N] each, of rows that are objects with exactly the inputs of the signature."""
    for number, row in enumerate(rows):
        if not _is_row(row):
            raise invalid(f"Expecting object but got list at item {number} of input list")
    sent = columns.complete(rows)
    for number, (row, complete) in enumerate(zip(rows, sent, strict=True)):
        unknown = [name for name in row if name not in signature.inputs]
        if unknown:
            raise invalid(
                f"Failed to process element: {number} key: {unknown[0]} of 'instances' list. Error: INVALID_ARGUMENT: "
                f"JSON object: does not have named input: {unknown[0]}"
            )
        lacking = [name for name in signature.inputs if name not in complete]
        if lacking:
            raise invalid(
                f"Failed to process element: {number} of 'instances' list. JSON object: {shown(row)} keys must be "
                f"equal to: {','.join(sorted(signature.inputs))}; missing: {_listed(lacking)}"
            )
    return {name: [row[name] for row in sent] for name in signature.inputs}


def _listed(names: list[str]) -> str:
    rest = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + rest


def _stacked(name: str, values: list[Any], spec: TensorSpec, limits: Limits) -> np.ndarray:
    """The tensor of an input, [N, ...]; each of the N values must have the shape of the first."""
    try:
        return tensor(values, spec, limits)
    except ServingError as whole:
        first = None
        for number, value in enumerate(values):
            where = f"Failed to process element: {number} key: {name} of 'instances' list. Error: INVALID_ARGUMENT: "
            try:
                element = tensor(value, spec, limits)
            except ServingError as exc:
                raise ServingError(exc.status, where + exc.message) from exc
            first = element if first is None else first
            if element.size != first.size:
                raise invalid(f"{where}Expecting tensor size: {first.size} but got: {element.size}") from whole
            if element.shape != first.shape:
                raise invalid(
                    f"{where}Expecting shape {_shape(first.shape)} but got: {_shape(element.shape)}"
                ) from whole
        raise


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"
