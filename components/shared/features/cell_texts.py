"""Converts the distinct values of a categorical column to the texts of a vocabulary."""

import numpy as np
import pyarrow as pa

_MISSING_INT = -(2**63)


def texts_of(values: pa.Array | pa.ChunkedArray) -> list[bytes]:
    """Converts integers, floats or bytes without nulls to UTF-8, as dense_columns.as_texts does; b"" is missing.

    The conversion runs value by value in Python; it is meant for distinct values, not for rows.
    """
    kind = values.type
    if pa.types.is_integer(kind):
        return [b"" if value == _MISSING_INT else b"%d" % value for value in values.to_pylist()]
    if pa.types.is_floating(kind):
        import tensorflow as tf

        numbers = np.asarray(values.to_numpy(), np.float32)
        written = tf.strings.as_string(tf.constant(numbers), shortest=True).numpy()
        return [text if there else b"" for text, there in zip(written.tolist(), np.isfinite(numbers), strict=True)]
    found: list[bytes] = values.to_pylist()
    return found
