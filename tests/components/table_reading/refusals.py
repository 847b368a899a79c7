"""Reads a file like ingest, and returns the error message of an invalid one."""

import pyarrow as pa
import pytest
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.column_types import arrow_types
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.spans import SpanFile

TYPES = {"id": "string", "n": "int64", "x": "float64"}


def read(
    path, types: dict[str, str] = TYPES, filesystem: fs.FileSystem | None = None, found: list | None = None, **options
) -> pa.Table:
    file = SpanFile(1, str(path), path.name, path.lstat().st_size, 0)
    filesystem = filesystem or fs.LocalFileSystem()
    return pa.Table.from_batches(
        list(read_batches(filesystem, file, arrow_types(types), ReadOptions(**options), found))
    )


def refusal(path, types: dict[str, str] = TYPES, **more) -> str:
    """The one-line error message of an invalid file, without the file's name."""
    with pytest.raises(InputError) as error:
        read(path, types, **more)
    message = str(error.value)
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    assert len(message) < 600
    assert message.startswith((f"{path.name}: ", f"{path.name} looks "))
    return message.removeprefix(path.name).removeprefix(":").strip()
