"""Writes JSON as TensorFlow Serving does: shortest floats that round-trip, and tokens for those that are not finite.

A float32 is written with the fewest digits that read back to the same float32, such as 0.1, not as the float64 that
it converts to (0.10000000149011612). Whole floats end in `.0`. TF Serving (util/json_tensor.cc, WriteDecimal) writes
six digits where these round-trip and nine or seventeen elsewhere: 0.333333343 and 9e+06 instead of 0.33333334 and
9000000.0. The texts differ; the numbers that they are read to are the same. NaN, Infinity and -Infinity are the
tokens that Python's json module and JavaScript know, and JSON does not.
"""

from typing import Any

import numpy as np
import orjson

_TOKENS = {"nan": orjson.Fragment(b"NaN"), "inf": orjson.Fragment(b"Infinity"), "-inf": orjson.Fragment(b"-Infinity")}


def dumps(value: Any) -> bytes:
    """Returns `value` as compact JSON in UTF-8.

    Args:
      value: Objects, lists, strings, numbers, NumPy scalars, and arrays of numbers or booleans of any shape.
    """
    text = orjson.dumps(value, _as_array, orjson.OPT_SERIALIZE_NUMPY)
    # orjson writes null for what is not finite. Looking for it afterwards costs less than asking all arrays before.
    if b"null" in text:
        return orjson.dumps(_with_tokens(value), _as_array, orjson.OPT_SERIALIZE_NUMPY)
    return text


def _as_array(value: Any) -> Any:
    """What orjson cannot write itself: arrays of another layout or without dimensions, and types such as bfloat16."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value[()]
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and not value.flags.c_contiguous:
        return np.ascontiguousarray(value)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "V":
        return value.astype(np.float32)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _with_tokens(value: Any) -> Any:
    """Replaces the numbers that are not finite by their tokens."""
    if isinstance(value, dict):
        return {key: _with_tokens(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_tokens(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "V":
        value = value.astype(np.float32)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
        return _with_tokens(list(value) if value.ndim else value[()])
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return _TOKENS[str(float(value))]
    return value
