"""Arrow IPC files and streams, Feather version 2 among them, as typed record batches."""

from collections.abc import Iterator
from typing import TypeAlias

import pyarrow as pa
from pyarrow import fs, ipc

from components.table_reading.cells.type_errors import FileMisfits
from components.table_reading.cells.typed_batches import typed_batch
from components.table_reading.column_matching import carried
from components.table_reading.formats.nested_columns import flat_batch, flat_schema
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits
from components.table_reading.spans import SpanFile

BATCH_ROWS = 1 << 16
MAGIC = b"ARROW1"
"""How a file begins; a stream begins with its schema."""


END = 10
"""Bytes at the end of a file: the length of the footer before them, and MAGIC."""

Reader: TypeAlias = ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader


def open_ipc(source: pa.NativeFile, file: SpanFile, limits: Limits) -> Reader:
    """An Arrow file or stream, its schema within the limits.

    Raises:
      InputError: A footer or schema that is too long, or too many columns.
      pa.ArrowInvalid: It is neither.
    """
    start = source.read(8)
    is_file = start.startswith(MAGIC)
    length = start[4:] if start.startswith(b"\xff\xff\xff\xff") else start[:4]  # versions before 0.15 had no mark
    if is_file:
        source.seek(max(source.size() - END, 0))
        length = source.read(4)
    if (bytes_ := int.from_bytes(length, "little", signed=True)) < source.size():  # otherwise Arrow says it
        limits.check_header(file.name, bytes_, "its schema")
    source.seek(0)
    reader = ipc.open_file(source) if is_file else ipc.open_stream(source)
    limits.check_columns(file.name, len(flat_schema(reader.schema).names))
    return reader


def read_ipc(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    misfits: FileMisfits,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[pa.RecordBatch]:
    """Streams an Arrow file; see `reading.read_batches`. It is read by the batches in which it was written."""
    with filesystem.open_input_file(file.path) as source:
        reader = open_ipc(source, file, limits)
        wanted = carried(file.name, flat_schema(reader.schema, types), types)
        before = 0
        for written in ipc_batches(reader):
            written.validate(full=True)  # before anything follows an offset that a damaged file makes up
            for start in range(0, written.num_rows, BATCH_ROWS):
                batch = written.slice(start, BATCH_ROWS)
                yield typed_batch(flat_batch(batch, types), wanted, before, misfits)
                before += batch.num_rows


def ipc_batches(reader: Reader) -> Iterator[pa.RecordBatch]:
    """The record batches as they were written."""
    if isinstance(reader, ipc.RecordBatchFileReader):
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)
    else:
        yield from reader
