"""Record batches to serialized tf.Examples in gzip TFRecords, and to their columnar copy."""

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
"""Level 6, the default, takes several times as long for files about a fifth smaller."""

ENCODE_ROWS = 1 << 13
ENCODERS = 2
"""Threads; the encoder and the gzip writer both work outside of Python's lock. More would wait for the writer."""


def example_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch as the tf.Example encoder wants it: every column a list of int64, float32 or bytes.

    A null becomes a feature of no kind, as CsvExampleGen writes it: readers take it as missing, and TFDV counts it
    so. An empty list stays a list without values. 0, 0.0, False and "" keep their one value; bool is 0 or 1, a date
    days and a timestamp microseconds since 1970-01-01; a time of day or a duration is seconds.
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
    """Values as one of the three kinds that a tf.Example has."""
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
    """[1, 0, 2] -> [0, 1, 1, 3]: where each row's list begins, and the end of the last."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.array(offsets)


def write_examples(batches: Iterable[pa.RecordBatch], path: str, columnar: bool = False) -> int:
    """Writes batches, in order, to one gzip TFRecord file; returns the number of examples.

    With `columnar` a copy is written beside it, see columnar_copy; `path` has to be local then.
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
    """List columns and serialized examples in order, made while those before are written; a few thousand wait."""
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
