"""Reads Parquet files as typed record batches, in parts of a row group."""

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import fs
from pyarrow import parquet as pq

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import FileTypeMismatches, shorten
from components.table_reading.cells.typed_batches import typed_batch
from components.table_reading.column_matching import carried, unknown_names
from components.table_reading.formats.nested_columns import flat_batch, flat_schema
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits
from components.table_reading.spans import SpanFile

BATCH_ROWS = 1 << 16
BUFFER_BYTES = 1 << 20
"""Bytes read at a time per column, so that a file with one huge row group does not have to fit into memory."""

FOOTER = 8
"""Bytes at the end of a file: the length of the footer before them, and the magic number."""


def open_parquet(source: pa.NativeFile, file: SpanFile, limits: Limits) -> pq.ParquetFile:
    """Opens a Parquet file and checks the limits.

    Args:
      source: The opened file.
      file: Its description, for messages.
      limits: Read limits.

    Raises:
      InputError: The footer is too long, there are too many columns, or the declared uncompressed size is too large.
      pa.ArrowInvalid: The content is not a Parquet file.
    """
    size = source.size()
    if size > FOOTER:
        source.seek(size - FOOTER)
        end = source.read(FOOTER)
        source.seek(0)
        length = int.from_bytes(end[:4], "little")
        if end[4:] in (b"PAR1", b"PARE") and length < size:  # else Arrow reports the damage
            limits.check_header(file.name, length, "the footer")
    parquet = pq.ParquetFile(source, buffer_size=BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True)
    metadata = parquet.metadata
    limits.check_columns(file.name, metadata.num_columns)
    promised = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    limits.check_expansion(file.name, promised, size)
    return parquet


def read_parquet(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    mismatches: FileTypeMismatches,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[pa.RecordBatch]:
    """Streams a Parquet file; see `readers.read_batches`.

    Args:
      filesystem: Filesystem of the file.
      file: A Parquet file.
      types: Column -> type, from the schema.
      mismatches: Collects the type mismatches.
      limits: Read limits.

    Raises:
      InputError: A column is missing or a limit is exceeded; or, under the policy "block", the first type mismatch.
      pa.ArrowException: The file is damaged.
    """
    with filesystem.open_input_file(file.path) as source:
        parquet = open_parquet(source, file, limits)
        wanted = carried(file.name, flat_schema(parquet.schema_arrow, types), types)
        before = 0
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            batch.validate(full=True)  # the Parquet reader does not check UTF-8
            yield typed_batch(flat_batch(batch, types), wanted, before, mismatches)
            before += batch.num_rows


def parquet_batches(
    filesystem: fs.FileSystem, file: SpanFile, limits: Limits = DEFAULT_LIMITS
) -> Iterator[pa.RecordBatch]:
    """Streams the rows of a Parquet file with their own types, structs flattened.

    Args:
      filesystem: Filesystem of the file.
      file: A Parquet file.
      limits: Read limits.

    Raises:
      InputError: The file cannot be read, or a column name is empty or duplicated.
    """
    try:
        with filesystem.open_input_file(file.path) as source:
            parquet = open_parquet(source, file, limits)
            names = flat_schema(parquet.schema_arrow).names
            unknown_names(file.name, names, names)
            for batch in parquet.iter_batches(BATCH_ROWS, use_threads=False):
                yield flat_batch(batch)
    except (pa.ArrowException, OSError) as exc:
        raise InputError(f"{file.name}: cannot be read ({shorten(str(exc))})") from exc
