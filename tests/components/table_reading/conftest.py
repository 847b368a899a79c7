"""A fixture that writes bytes to a span file and reads it back as typed batches."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from components.table_reading.column_types import arrow_types
from components.table_reading.readers import read_batches
from components.table_reading.spans import find_spans, open_folder

Read = Callable[..., pa.Table]
TYPES = {"id": "string", "n": "int64", "x": "float64"}


@pytest.fixture
def read(tmp_path) -> Read:
    """read(content, name=..., types=...): a table of all batches."""

    def read(content: bytes, name: str = "span-1.csv", types: dict[str, str] = TYPES) -> pa.Table:
        (tmp_path / name).write_bytes(content)
        (file,) = find_spans(str(tmp_path), name.replace("1", "{span}"))
        filesystem, _ = open_folder(str(tmp_path))
        return pa.Table.from_batches(list(read_batches(filesystem, file, arrow_types(types))))

    return read
