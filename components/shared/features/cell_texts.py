"""Distinct cells of a categorical column as the texts that a vocabulary holds."""

import numpy as np
import pyarrow as pa

_MISSING_INT = -(2**63)


def texts_of(values: pa.Array | pa.ChunkedArray) -> list[bytes]:
    """Integers, floats or bytes without nulls as UTF-8, as dense_columns.as_texts writes them; b"" is missing.

    One by one, in Python: for a column's distinct values, not for its rows.
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
