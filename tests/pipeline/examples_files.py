"""Examples as ingest writes them, without TensorFlow."""

import gzip
import struct
from pathlib import Path

import pyarrow as pa

ROWS = [
    {"row_id": ["a"], "distance": [1], "origin": ["EWR"]},
    {"row_id": ["b"], "distance": [2], "origin": ["JFK"]},
    {"row_id": ["c"], "distance": [3], "origin": []},
    {"row_id": ["d"], "distance": [4], "origin": ["LGA"]},
]


def write(path: Path, rows: list[dict], columns=("row_id", "distance", "origin")) -> Path:
    """Gzip TFRecords of the rows, encoded as ingest encodes them; the checksums are left at 0, nobody reads them."""
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    types = {"row_id": pa.binary(), "distance": pa.int64(), "origin": pa.binary()}
    table = {
        name: pa.array([[_bytes(value) for value in row[name]] for row in rows], pa.list_(types[name]))
        for name in columns
    }
    batch = pa.RecordBatch.from_pydict(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as file:
        for record in RecordBatchToExamplesEncoder().encode(batch):
            file.write(struct.pack("<QI", len(record), 0) + record + struct.pack("<I", 0))
    return path


def _bytes(value):
    return value.encode() if isinstance(value, str) else value


def edited(row: int, **cells) -> list[dict]:
    return [{**one, **cells} if number == row else one for number, one in enumerate(ROWS)]
