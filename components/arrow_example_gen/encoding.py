"""Record batches to serialized tf.Examples in gzip TFRecords."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl.coders import example_coder

GZIP_LEVEL = 1
"""Level 6, the default, takes several times as long for files about a fifth smaller."""


def example_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch as the tf.Example encoder wants it: every column a list, float32 for floats; null is an empty list.

    A null becomes a feature without values, which every reader of tf.Examples takes as missing. 0, 0.0 and "" keep
    their one value.
    """
    return pa.RecordBatch.from_arrays([_as_lists(column) for column in batch.columns], names=batch.schema.names)


def _as_lists(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float32(), safe=False)
    elif pa.types.is_string(column.type):
        column = column.cast(pa.binary())
    valid = pc.cast(pc.is_valid(column), pa.int32()).to_numpy(zero_copy_only=False)
    offsets = pa.array([0], pa.int32()) if len(column) == 0 else _offsets(valid)
    return pa.ListArray.from_arrays(offsets, column.drop_null())


def _offsets(valid: np.ndarray) -> pa.Array:
    """[1, 0, 1] -> [0, 1, 1, 2]: where each row's list begins."""
    offsets = np.zeros(len(valid) + 1, np.int32)
    np.cumsum(valid, out=offsets[1:])
    return pa.array(offsets)


def write_examples(batches: Iterable[pa.RecordBatch], path: str) -> int:
    """Writes batches, in order, to one gzip TFRecord file; returns the number of examples."""
    import tensorflow as tf

    encoder = example_coder.RecordBatchToExamplesEncoder()
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=GZIP_LEVEL)
    rows = 0
    with tf.io.TFRecordWriter(path, options) as writer:
        for batch in batches:
            for record in encoder.encode(example_batch(batch)):
                writer.write(record)
            rows += batch.num_rows
    return rows
