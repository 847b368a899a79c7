"""Reads Arrow IPC files and streams, including Feather version 2, as typed record batches."""

from collections.abc import Iterator
from typing import TypeAlias

import pyarrow as pa
from pyarrow import fs, ipc

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import FileTypeMismatches, shorten
from components.table_reading.cells.typed_batches import typed_batch
from components.table_reading.column_matching import carried, unknown_names
from components.table_reading.formats.nested_columns import flat_batch, flat_schema
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits
from components.table_reading.spans import SpanFile

BATCH_ROWS = 1 << 16
MAGIC = b"ARROW1"
"""First bytes of a file; a stream begins with its schema."""

END = 10
"""Bytes at the end of a file: the length of the footer before them, and MAGIC."""

Reader: TypeAlias = ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader


def open_ipc(source: pa.NativeFile, file: SpanFile, limits: Limits) -> Reader:
    """Opens an Arrow file or stream and checks the limits.

    Args:
      source: The opened file.
      file: Its description, for messages.
      limits: Read limits.

    Raises:
      InputError: The footer or schema is too long, or there are too many columns.
      pa.ArrowInvalid: The content is neither an Arrow file nor a stream.
    """
    start = source.read(8)
    is_file = start.startswith(MAGIC)
    length = start[4:] if start.startswith(b"\xff\xff\xff\xff") else start[:4]  # no continuation marker before 0.15
    if is_file:
        source.seek(max(source.size() - END, 0))
        length = source.read(4)
    if (bytes_ := int.from_bytes(length, "little", signed=True)) < source.size():  # else Arrow reports the damage
        limits.check_header(file.name, bytes_, "its schema")
    source.seek(0)
    reader = ipc.open_file(source) if is_file else ipc.open_stream(source)
    limits.check_columns(file.name, len(flat_schema(reader.schema).names))
    return reader


def read_ipc(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    mismatches: FileTypeMismatches,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[pa.RecordBatch]:
    """Streams an Arrow file; see `readers.read_batches`. Each written batch is read as a whole.

    Args:
      filesystem: Filesystem of the file.
      file: An Arrow file or stream.
      types: Column -> type, from the schema.
      mismatches: Collects the type mismatches.
      limits: Read limits.

    Raises:
      InputError: A column is missing or a limit is exceeded; or, under the policy "block", the first type mismatch.
      pa.ArrowException: The file is damaged.
    """
    with filesystem.open_input_file(file.path) as source:
        reader = open_ipc(source, file, limits)
        wanted = carried(file.name, flat_schema(reader.schema, types), types)
        before = 0
        for written in ipc_batches(reader):
            written.validate(full=True)  # a damaged file may contain offsets beyond its buffers
            for start in range(0, written.num_rows, BATCH_ROWS):
                batch = written.slice(start, BATCH_ROWS)
                yield typed_batch(flat_batch(batch, types), wanted, before, mismatches)
                before += batch.num_rows


def ipc_batches(reader: Reader) -> Iterator[pa.RecordBatch]:
    """Yields the record batches of a file or stream as they were written."""
    if isinstance(reader, ipc.RecordBatchFileReader):
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)
    else:
        yield from reader


def flat_ipc_batches(
    filesystem: fs.FileSystem, file: SpanFile, limits: Limits = DEFAULT_LIMITS
) -> Iterator[pa.RecordBatch]:
    """Streams the rows of an Arrow file with their own types, structs flattened.

    Args:
      filesystem: Filesystem of the file.
      file: An Arrow file or stream.
      limits: Read limits.

    Raises:
      InputError: The file cannot be read, or a column name is empty or duplicated.
    """
    try:
        with filesystem.open_input_file(file.path) as source:
            reader = open_ipc(source, file, limits)
            names = flat_schema(reader.schema).names
            unknown_names(file.name, names, names)
            for batch in ipc_batches(reader):
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield flat_batch(batch.slice(start, BATCH_ROWS))
    except (pa.ArrowException, OSError) as exc:
        raise InputError(f"{file.name}: cannot be read ({shorten(str(exc))})") from exc
