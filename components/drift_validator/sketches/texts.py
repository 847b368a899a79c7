"""Items of any type as texts: the names of categories."""

import numpy as np
import pyarrow as pa


def encode(items: np.ndarray | pa.Array) -> tuple[np.ndarray, pa.LargeStringArray]:
    r"""Codes into distinct texts.

    Whole numbers are written as TFDV writes categorical ones: `0`; bools are `0` and `1`. Whole floats up to 2**53 are
    written the same way, since a missing value often makes floats of integers; other floats by the shortest decimal
    text that reads back as the same float64; infinities are `inf` and `-inf`. Bytes are read as UTF-8; in those that
    are none, each byte that does not belong is written as `\xff`, a backslash, x and two hexadecimal digits.

    Returns:
      For each item, its position among the texts; and the texts. A text may stand there twice where two items of
      different bytes have one text.
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
