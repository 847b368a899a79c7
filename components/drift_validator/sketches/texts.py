"""Converts values of any type to text, the names of categories."""

import numpy as np
import pyarrow as pa


def encode(items: np.ndarray | pa.Array) -> tuple[np.ndarray, pa.LargeStringArray]:
    r"""Encodes values as codes of texts.

    Integers are formatted as TFDV formats categorical ones (`0`), booleans as `0` and `1`. Floats with an integer value
    up to 2**53 are formatted in the same way, because integer columns with missing values are often read as floats;
    other floats by the shortest decimal text that parses to the same float64; infinities as `inf` and `-inf`. Bytes are
    decoded as UTF-8; invalid bytes are escaped as `\xff` (backslash, x and two hexadecimal digits).

    Args:
      items: Values without nulls, [N].

    Returns:
      Codes [N], and the texts by code. A text occurs twice if different bytes have the same text.
    """
    if isinstance(items, np.ndarray):
        if items.dtype.kind == "b":
            items = items.astype(np.int8)
        elif items.dtype.kind == "f":
            items = items.astype(np.float64) + 0.0  # -0.0 is 0.0
        items = pa.array(items)
    encoded = items if pa.types.is_dictionary(items.type) else items.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return codes, _texts(encoded.dictionary)


def _texts(values: pa.Array) -> pa.LargeStringArray:
    kind = values.type
    if pa.types.is_floating(kind):
        return pa.array([_text_of_float(value) for value in values.to_pylist()], pa.large_string())
    try:
        if pa.types.is_fixed_size_binary(kind):
            values = values.cast(pa.large_binary())
        return values.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.array([value.decode("utf-8", "backslashreplace") for value in values.to_pylist()], pa.large_string())


def _text_of_float(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) <= 2**53 else repr(value)
