"""Encodes record batches as tf.Examples in gzip TFRecords, and writes their columnar copy."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl.coders import example_coder

from components.shared.examples.columnar_copy import CopyWriter
from components.table_reading.cells.time_parsing import seconds

GZIP_LEVEL = 1
"""Level 6, the default, takes several times as long and makes files only about 20 % smaller."""

ENCODE_ROWS = 1 << 13
ENCODERS = 2
"""Encoder threads. Encoder and gzip writer release the GIL; the writer is the bottleneck from two threads on."""


def example_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Converts a batch to the layout of the tf.Example encoder: every column a list of int64, float32 or bytes.

    A null becomes a feature with no kind set, as CsvExampleGen writes it; TFDV counts it as missing. An empty list
    stays an empty list. 0, 0.0, False and "" are values. A bool is stored as 0 or 1, a date as days and a timestamp as
    microseconds since 1970-01-01, a time of day or a duration as seconds (float32).
    """
    return pa.RecordBatch.from_arrays([_as_lists(column) for column in batch.columns], names=batch.schema.names)


def _as_lists(column: pa.Array) -> pa.Array:
    valid = pc.is_valid(column).to_numpy(zero_copy_only=False)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        values = column.flatten()
    else:
        lengths, values = valid, column.drop_null()
    absent = None if valid.all() else pa.array(~valid)
    return pa.ListArray.from_arrays(_offsets(lengths), _stored(values), mask=absent)


def _stored(values: pa.Array) -> pa.Array:
    """Casts values to one of the three value types of a tf.Example."""
    type_ = values.type
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return values.cast(pa.float32(), safe=False)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return values.cast(pa.binary())
    if pa.types.is_time(type_) or pa.types.is_duration(type_):
        return seconds(values).cast(pa.float32(), safe=False)
    if pa.types.is_date32(type_):
        values = values.cast(pa.int32())
    if pa.types.is_null(type_):
        return values.cast(pa.binary())
    return values if pa.types.is_binary(type_) else values.cast(pa.int64())


def _offsets(lengths: np.ndarray) -> pa.Array:
    """List offsets from list lengths: [1, 0, 2] -> [0, 1, 1, 3]."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.array(offsets)


def write_examples(batches: Iterable[pa.RecordBatch], path: str, columnar: bool = False) -> int:
    """Writes batches, in order, to one gzip TFRecord file.

    Args:
      batches: Rows, typed by the schema.
      path: Target path or URI.
      columnar: Also write a columnar copy beside the file, see columnar_copy; requires a local `path`.

    Returns:
      Number of examples written.
    """
    import tensorflow as tf

    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=GZIP_LEVEL)
    rows = 0
    with CopyWriter(path) as copy, tf.io.TFRecordWriter(path, options) as writer:
        for lists, records in _encoded(batches):
            for record in records:
                writer.write(record)
            if columnar:
                copy.write(lists)
            rows += len(records)
    copy.seal()
    return rows


def _encoded(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, list[bytes]]]:
    """Yields list columns and serialized examples in order; threads encode the next slices while one is written."""
    ahead: deque[Future[tuple[pa.RecordBatch, list[bytes]]]] = deque()
    with ThreadPoolExecutor(ENCODERS, "encode") as pool:
        for batch in batches:
            for start in range(0, batch.num_rows, ENCODE_ROWS):
                ahead.append(pool.submit(_encode, batch.slice(start, ENCODE_ROWS)))
                if len(ahead) > ENCODERS:
                    yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _encode(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[bytes]]:
    lists = example_batch(batch)
    return lists, example_coder.RecordBatchToExamplesEncoder().encode(lists)
