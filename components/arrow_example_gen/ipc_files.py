"""Arrow IPC files and streams, Feather version 2 among them, as typed record batches."""

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import fs, ipc

from components.arrow_example_gen.casting import typed_batch
from components.arrow_example_gen.misfits import FileMisfits
from components.arrow_example_gen.names import carried
from components.arrow_example_gen.spans import SpanFile

BATCH_ROWS = 1 << 16
MAGIC = b"ARROW1"
"""How a file begins; a stream begins with its schema."""


def read_ipc(
    filesystem: fs.FileSystem, file: SpanFile, types: dict[str, pa.DataType], misfits: FileMisfits
) -> Iterator[pa.RecordBatch]:
    """Streams an Arrow file; see `reading.read_batches`. It is read by the batches in which it was written."""
    with filesystem.open_input_file(file.path) as source:
        is_file = source.read(len(MAGIC)) == MAGIC
        source.seek(0)
        reader = ipc.open_file(source) if is_file else ipc.open_stream(source)
        wanted = carried(file.name, reader.schema, types)
        before = 0
        for written in _batches(reader):
            written.validate(full=True)  # before anything follows an offset that a damaged file makes up
            for start in range(0, written.num_rows, BATCH_ROWS):
                batch = written.slice(start, BATCH_ROWS)
                yield typed_batch(batch, wanted, before, misfits)
                before += batch.num_rows


def _batches(reader: ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, ipc.RecordBatchFileReader):
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)
    else:
        yield from reader
