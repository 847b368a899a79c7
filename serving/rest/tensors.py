"""Converts JSON values to tensors, as TF Serving does (util/json_tensor.cc, AddValueToTensor and FillTensorProto).

    FLOAT, DOUBLE, HALF    a number; beyond the type's range it becomes infinite, as a float32 does in TF Serving
    INT8 .. UINT64         a whole number without a decimal point, in the type's range (TF Serving wraps 300 to 44)
    BOOL                   true or false
    STRING                 a string as UTF-8, or {"b64": "..."}

Other types are not supported, 501, as in TF Serving. HALF and UINT16 are beyond it.
"""

import base64
import binascii
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from serving.errors import ServingError, Status, invalid
from serving.models.signatures import TensorSpec
from serving.rest.json_reader import shown
from serving.rest.limits import Limits

_FLOATS = ("FLOAT", "DOUBLE", "HALF")
_INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_BOUNDS = {dtype: (int(np.iinfo(dtype.lower()).min), int(np.iinfo(dtype.lower()).max)) for dtype in _INTEGERS}
_ARRAYS = {"FLOAT": "f", "DOUBLE": "d"}
_NUMBERS = {int, float}
_TYPES = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}
SUPPORTED = frozenset((*_FLOATS, *_INTEGERS, "BOOL", "STRING"))
"""Types of inputs and outputs that JSON can represent."""


class WrongType(Exception):
    """A value of a JSON type that the tensor's type does not accept; `value` is the first of them."""

    def __init__(self, value: Any, dtype: str) -> None:
        super().__init__(value, dtype)
        self.value = value
        self.dtype = dtype


def missing_value(spec: TensorSpec) -> Any:
    """Returns the JSON value that stands for a missing value of an optional input: its default in the SignatureDef.

    NaN, "" and -2^63 in a model of the Trainer, see components/trainer/signatures.py. None if the input is required,
    or if its default is not one value that JSON can represent; then the input must be sent.
    """
    if not spec.optional or spec.dtype not in SUPPORTED or np.size(spec.default) != 1 or spec.default is None:
        return None
    value = np.asarray(spec.default).reshape(-1)[0]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return value


def are_plain(values: Sequence[Any], dtype: str) -> bool:
    """Whether `leaves` converts the values without an error, provided that no string is too long.

    False also for strings in base64, and for types that are not supported.
    """
    types = set(map(type, values))
    if dtype in _FLOATS:
        return types <= _NUMBERS
    if dtype == "STRING":
        return types <= {str}
    if dtype == "BOOL":
        return types <= {bool}
    if dtype not in _BOUNDS or not types <= {int}:
        return False
    least, most = _BOUNDS[dtype]
    return not values or (least <= min(values) and max(values) <= most)


def leaves(values: Sequence[Any], dtype: str, longest: int) -> np.ndarray:
    """Converts JSON values that are not lists to an array, [len(values)].

    Args:
      values: The values.
      dtype: Type of the tensor, one of SUPPORTED.
      longest: Most bytes of a string.

    Raises:
      WrongType: A value has another JSON type, or is beyond the range of an integer type.
      ServingError: 400: a string is too long, or its base64 is wrong; 501: the type is not supported.
    """
    types = set(map(type, values))
    if dtype in _FLOATS:
        if types <= _NUMBERS:
            return _floats(values, dtype)
        raise _wrong(values, dtype, _NUMBERS)
    if dtype == "STRING":
        return _strings(values, types, longest)
    if dtype == "BOOL":
        if not types <= {bool}:
            raise _wrong(values, dtype, {bool})
        return np.array(values, np.bool_)
    if dtype not in _INTEGERS:
        raise ServingError(
            Status.UNIMPLEMENTED,
            f"Conversion of JSON Value: {shown(values[0] if values else None)} to type: {dtype.lower()}",
        )
    if not types <= {int}:
        raise _wrong(values, dtype, {int})
    try:
        return np.array(values, dtype.lower())
    except OverflowError:
        least, most = _BOUNDS[dtype]
        raise WrongType(next(value for value in values if not least <= value <= most), dtype) from None


def _floats(values: Sequence[Any], dtype: str) -> np.ndarray:
    if dtype in _ARRAYS:
        # array converts by C's cast: no warning for what is beyond float32, in the time of a plain np.array.
        return np.frombuffer(array(_ARRAYS[dtype], values), dtype=_ARRAYS[dtype])
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float16)


def _strings(values: Sequence[Any], types: set[type], longest: int) -> np.ndarray:
    if types <= {str}:
        encoded = [value.encode() for value in values]
    elif types <= {str, dict}:
        encoded = [value.encode() if type(value) is str else from_base64(value) for value in values]
    else:
        raise _wrong(values, "STRING", {str, dict})
    if encoded and max(map(len, encoded)) > longest:
        raise invalid(
            f"a string of {max(map(len, encoded)):,} bytes is longer than {longest:,}, the most that is accepted"
        )
    return np.array(encoded, object)


def is_base64(value: Any) -> bool:
    """Whether a value is {"b64": "..."}: this key alone, with a string (IsValBase64Object)."""
    return type(value) is dict and len(value) == 1 and type(value.get("b64")) is str


def from_base64(value: Any) -> bytes:
    """Returns the bytes of {"b64": "..."}; of standard base64, whose padding may be missing.

    Raises:
      ServingError: 400: the value is not such an object, or not base64.
    """
    if not is_base64(value):
        raise invalid(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    return decode_base64(value["b64"])


def decode_base64(text: str) -> bytes:
    """Decodes standard base64 whose padding may be missing (absl::Base64Unescape).

    Raises:
      ServingError: 400: it is not base64.
    """
    try:
        return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise invalid("Unable to base64 decode") from None


def tensor(value: Any, spec: TensorSpec, limits: Limits) -> np.ndarray:
    """Converts a value, a list or nested lists to an array; the shape is read off the first element of each level.

    null is the missing value of an optional input.

    Raises:
      ServingError: 400: the lists are ragged or nested too deep, or a value has another type; 501: see `leaves`.
    """
    shape: list[int] = []
    flat = [value]
    while flat and type(flat[0]) is list:
        size, level = len(flat[0]), len(shape)
        if level == limits.depth:
            raise invalid(f"lists are nested deeper than {limits.depth}, the most dimensions that are accepted")
        for one in flat:
            if type(one) is not list:
                raise invalid(
                    f"JSON Value: {shown(one)} found at incorrect level: {level + 1}, where lists are expected"
                )
            if len(one) != size:
                raise invalid(
                    f"Encountered list at unexpected size: {len(one)} at level: {level} expected size: {size}"
                )
        shape.append(size)
        flat = list(chain.from_iterable(flat))
    try:
        return _with_missing(flat, spec, limits).reshape(shape)
    except WrongType as exc:
        if type(exc.value) is list:
            level = len(shape)
            raise invalid(f"Encountered list at unexpected level: {level} expected < {level}") from exc
        raise type_error(exc) from exc


def _with_missing(values: list[Any], spec: TensorSpec, limits: Limits) -> np.ndarray:
    missing = missing_value(spec) if None in values else None
    if missing is not None:
        values = [missing if value is None else value for value in values]
    return leaves(values, spec.dtype, limits.text_bytes)


def type_error(exc: WrongType) -> ServingError:
    """Returns the error of a value of another type, in the words of TypeError in util/json_tensor.cc."""
    kind = _TYPES.get(type(exc.value), "Null") if type(exc.value) is not bool else str(exc.value)
    return invalid(f"JSON Value: {shown(exc.value)} Type: {kind} is not of expected type: {exc.dtype.lower()}")


def fitted(name: str, values: np.ndarray, spec: TensorSpec) -> tuple[np.ndarray, int]:
    """Returns the array in the rank of the signature, and the number of trailing dimensions of size 1 added for that.

    TF Serving passes [N] to an input of [-1, 1]; a model of elementwise operations answers with [N], any other refuses
    it. Here the model gets [N, 1], so that requests of both forms can be batched; see predict.py for the answer.

    Raises:
      ServingError: 400: the array does not have the shape of the signature.
    """
    shape = spec.shape
    if shape is None:
        return values, 0
    added = len(shape) - values.ndim
    full = values
    if added > 0 and values.ndim and set(shape[values.ndim :]) == {1}:
        full = values.reshape(values.shape + (1,) * added)
    if full.ndim != len(shape) or any(size not in (-1, has) for size, has in zip(shape, full.shape, strict=True)):
        raise invalid(f"input {name}: the shape is {list(values.shape)}; the signature expects {list(shape)}")
    return full, max(added, 0)


def _wrong(values: Sequence[Any], dtype: str, accepted: set[type]) -> WrongType:
    return WrongType(next(value for value in values if type(value) not in accepted), dtype)
