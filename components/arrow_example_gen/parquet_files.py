"""Parquet files as typed record batches, a part of a row group at a time."""

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import fs
from pyarrow import parquet as pq

from components.arrow_example_gen.casting import typed_batch
from components.arrow_example_gen.misfits import FileMisfits
from components.arrow_example_gen.names import carried
from components.arrow_example_gen.spans import SpanFile

BATCH_ROWS = 1 << 16
BUFFER_BYTES = 1 << 20
"""Read at a time of each column, so that a file of one huge row group does not have to fit into memory."""


def read_parquet(
    filesystem: fs.FileSystem, file: SpanFile, types: dict[str, pa.DataType], misfits: FileMisfits
) -> Iterator[pa.RecordBatch]:
    """Streams a Parquet file; see `reading.read_batches`."""
    with filesystem.open_input_file(file.path) as source:
        parquet = pq.ParquetFile(source, buffer_size=BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True)
        wanted = carried(file.name, parquet.schema_arrow, types)
        before = 0
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            batch.validate(full=True)  # Parquet's readers trust text to be UTF-8
            yield typed_batch(batch, wanted, before, misfits)
            before += batch.num_rows
