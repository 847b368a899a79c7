"""Reads TFRecord files of tf.Examples as typed record batches."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import FileTypeMismatches, shorten
from components.table_reading.cells.typed_batches import typed_batch
from components.table_reading.column_matching import own_type, unknown_names
from components.table_reading.column_types import is_list
from components.table_reading.formats.decompression import Unpacked
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits
from components.table_reading.spans import SpanFile

BATCH_ROWS = 1 << 13
CHUNK = 1 << 20
FRAME_BYTES = 16
"""Bytes around each record: its length and two checksums."""


def read_tfrecords(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    mismatches: FileTypeMismatches,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[pa.RecordBatch]:
    """Streams a TFRecord file; see `readers.read_batches`.

    A feature that is not in the schema is added, as a list column, from the first batch in which it has a value.

    Args:
      filesystem: Filesystem of the file.
      file: A TFRecord file, which may be compressed by gzip.
      types: Column -> type, from the schema.
      mismatches: Collects the type mismatches.
      limits: Read limits.

    Raises:
      InputError: The file is damaged or truncated, a record is not a tf.Example, a feature changes its type; or,
        under the policy "block", the first type mismatch.
    """
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    compressed = file.path.lower().endswith(".gz")
    left = _unpacked_bytes(filesystem, file, limits) if compressed else filesystem.get_file_info(file.path).size
    decoder = ExamplesToRecordBatchDecoder()
    seen: set[str] = set()
    wanted, before = dict(types), 0
    with _local(filesystem, file) as path:
        dataset = tf.data.TFRecordDataset(path, "GZIP" if compressed else "").batch(BATCH_ROWS)
        try:
            for records in map(list, dataset.as_numpy_iterator()):
                batch = _decoded(decoder, records, before, file)
                limits.check_columns(file.name, len(batch.schema.names))
                seen.update(batch.schema.names)
                _carry(file, batch, types, wanted)
                yield typed_batch(_with_all(batch, wanted), wanted, before, mismatches)
                before += batch.num_rows
                left -= sum(map(len, records)) + FRAME_BYTES * len(records)
        except tf.errors.DataLossError as exc:
            raise InputError(f"{file.name}: {_explain(exc.message)}") from exc
    if left:  # TensorFlow takes an incomplete record header for the end of the file
        raise InputError(f"{file.name}: is truncated: {left} bytes are left after row {before}")
    if before:
        unknown_names(file.name, sorted(seen), types)


def _decoded(decoder: object, records: list[bytes], before: int, file: SpanFile) -> pa.RecordBatch:
    try:
        return decoder.DecodeBatch(records)  # type: ignore[attr-defined]
    except RuntimeError as exc:
        reason = str(exc)
    first = _first_bad(decoder, records)
    if first is None:  # each record is valid, so their types differ
        feature = re.search(r"expected (\w+)_list, found (\w+)_list for feature \"(.*)\"", reason, re.DOTALL)
        if feature:
            raise InputError(
                f"{file.name}: column '{shorten(feature[3])}' is {feature[1]} in one example and {feature[2]} in "
                f"another (rows {before + 1} to {before + len(records)})"
            )
        raise InputError(f"{file.name}: rows {before + 1} to {before + len(records)}: {shorten(reason)}")
    raise InputError(f"{file.name}: row {before + first + 1} is not a tf.Example")


def _first_bad(decoder: object, records: list[bytes]) -> int | None:
    """Index of the first record that is not a tf.Example, by bisection; None if there is none."""
    try:
        decoder.DecodeBatch(records)  # type: ignore[attr-defined]
        return None
    except RuntimeError:
        if len(records) == 1:
            return 0
    middle = len(records) // 2
    first = _first_bad(decoder, records[:middle])
    if first is not None:
        return first
    second = _first_bad(decoder, records[middle:])
    return None if second is None else middle + second


def _carry(
    file: SpanFile, batch: pa.RecordBatch, types: dict[str, pa.DataType], wanted: dict[str, pa.DataType]
) -> None:
    """Adds features of the batch that are not in the schema to `wanted`; InputError if one changed its type."""
    for field in batch.schema:
        if field.name in types or not is_list(field.type):
            continue
        type_ = own_type(field.type)
        known = wanted.setdefault(field.name, type_)
        if known != type_:
            raise InputError(f"{file.name}: column '{field.name}' is {known} in some examples and {type_} in others")


def _with_all(batch: pa.RecordBatch, wanted: dict[str, pa.DataType]) -> pa.RecordBatch:
    """Selects the columns of `wanted`, with nulls for features that no example of the batch has."""
    there = set(batch.schema.names)
    columns = [batch.column(name) if name in there else pa.nulls(batch.num_rows) for name in wanted]
    return pa.RecordBatch.from_arrays(columns, names=list(wanted))


def _explain(message: str) -> str:
    if "Is this even a TFRecord file?" in message or "incorrect header check" in message:
        return "is not a TFRecord file, or its first record is damaged"
    place = re.search(r"(truncated|corrupted) record at (\d+)", message)
    if place:
        return f"is {place[1]}: the record that begins at byte {place[2]} of the unpacked file cannot be read"
    return f"is damaged ({shorten(message)})"


def _unpacked_bytes(filesystem: fs.FileSystem, file: SpanFile, limits: Limits) -> int:
    """The uncompressed size of a gzip file, read to its end, since TensorFlow does not detect a truncated stream."""
    total = 0
    with Unpacked(filesystem, file, limits) as stream:
        while chunk := stream.read(CHUNK):
            total += len(chunk)
    return total


@contextmanager
def _local(filesystem: fs.FileSystem, file: SpanFile) -> Iterator[str]:
    """A local path of the file, for TensorFlow: the file itself, or a temporary copy of a remote file."""
    if isinstance(filesystem, fs.LocalFileSystem):
        yield file.path
        return
    with tempfile.NamedTemporaryFile() as copy:
        with filesystem.open_input_stream(file.path, compression=None) as stream:
            while chunk := stream.read(CHUNK):
                copy.write(chunk)
        copy.flush()
        yield copy.name
