import bz2
import gzip
import struct
from dataclasses import asdict

import pyarrow as pa
import pytest
from pyarrow import feather, fs
from pyarrow import parquet as pq

from components.shared.errors import InputError, UsageError
from components.table_reading import read_limits as limits_module
from components.table_reading.column_types import arrow_types
from components.table_reading.read_limits import Limits
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.schema_inference import declared_types, infer_schema
from components.table_reading.spans import SpanFile

LOCAL = fs.LocalFileSystem()
FLOOR = 1 << 20


@pytest.fixture(autouse=True)
def low_floor(monkeypatch):
    """Lowers EXPANSION_FLOOR, so that small files can be decompression bombs."""
    monkeypatch.setattr(limits_module, "EXPANSION_FLOOR", FLOOR)


def span(path) -> SpanFile:
    return SpanFile(0, str(path), path.name, path.stat().st_size, 0)


def refusals(path, limits: Limits, **types: str) -> list[str]:
    """The error messages of ingest and of `plumbline init`."""
    said = []
    options = ReadOptions(limits=limits)
    for read in (
        lambda: list(read_batches(LOCAL, span(path), arrow_types(types), options)),
        lambda: infer_schema(LOCAL, [span(path)], options, 10),
    ):
        with pytest.raises(InputError) as raised:
            read()
        said.append(str(raised.value))
    return said


def test_columns_of_a_csv(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('a,"b,b",c\n1,2,3\n')
    for said in refusals(path, Limits(max_columns=2), a="int64"):
        assert "has 3 columns, more than [data] max_columns allows (2)" in said
    infer_schema(LOCAL, [span(path)], ReadOptions(limits=Limits(max_columns=3)), 10)  # a quoted delimiter is not one


def test_header_with_a_million_columns_fails_before_arrow_parses_it(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(",".join(f"c{number}" for number in range(1_000_000)) + "\n")
    for said in refusals(path, Limits(), c0="int64"):
        assert "has 1,000,000 columns" in said


@pytest.mark.parametrize("start", [b"", b'"', b"\n\n\n"])
def test_unterminated_header(tmp_path, start):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(start + bytes(4 << 20)))
    for said in refusals(path, Limits(max_header_bytes=1 << 20), a="int64"):
        assert "the header is longer than [data] max_header_bytes allows (1,048,576)" in said


def test_a_row_that_is_too_long(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "1,2\n" * 10 + "1," + "x" * 5000 + "\n1,2\n")
    for said in refusals(path, Limits(max_line_bytes=2048), a="int64"):
        assert "a row is longer than [data] max_line_bytes allows (2,048)" in said
    assert infer_schema(LOCAL, [span(path)], ReadOptions(limits=Limits(max_line_bytes=8192)), 0).rows == 12


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_decompression_bomb_is_detected_early(tmp_path, pack):
    """A valid table of zeros with a high compression ratio."""
    path = tmp_path / ("x.csv.gz" if pack is gzip.compress else "x.csv.bz2")
    path.write_bytes(pack(b"a\n" + b"0\n" * 4 * FLOOR))
    for said in refusals(path, Limits(), a="int64"):
        assert "unpacks to more than 500 times its size" in said
        assert "[data] max_expansion" in said


def test_footer_of_a_parquet_file(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [1], "b" * 5000: [2]}), path)
    for said in refusals(path, Limits(max_header_bytes=1024), a="int64"):
        assert "the footer has " in said and "[data] max_header_bytes allows (1,024)" in said
    with pytest.raises(InputError, match="the footer has"):
        declared_types(LOCAL, [span(path)], Limits(max_header_bytes=1024))
    for said in refusals(path, Limits(max_columns=1), a="int64"):
        assert "has 2 columns" in said


def test_parquet_that_unpacks_to_too_much(tmp_path):
    path = tmp_path / "x.parquet"
    text = "x" * 1000
    column = pa.array([text] * (FLOOR // 1000 + 1000))
    pq.write_table(pa.table({"a": column}), path, use_dictionary=False, compression="gzip")
    for said in refusals(path, Limits(max_expansion=100), a="string"):
        assert "unpacks to more than 100 times its size" in said


@pytest.mark.parametrize("stream", [False, True])
def test_schema_of_an_arrow_file(tmp_path, stream):
    path = tmp_path / "x.arrow"
    table = pa.table({"a": [1], "b" * 5000: [2]})
    if stream:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        feather.write_feather(table, path, compression="uncompressed")
    for said in refusals(path, Limits(max_header_bytes=1024), a="int64"):
        assert "its schema has " in said and "max_header_bytes allows (1,024)" in said
    for said in refusals(path, Limits(max_columns=1), a="int64"):
        assert "has 2 columns" in said


def test_footer_longer_than_the_file_is_reported_as_damage(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + bytes(100) + struct.pack("<I", 1 << 31) + b"PAR1")
    for said in refusals(path, Limits(), a="int64"):
        assert "max_header_bytes" not in said


def test_unpacked_tfrecords(tmp_path):
    path = tmp_path / "x.tfrecord.gz"
    path.write_bytes(gzip.compress(bytes(2 * FLOOR)))
    with pytest.raises(InputError, match="unpacks to more than 500 times its size"):
        list(read_batches(LOCAL, span(path), arrow_types({"a": "int64"})))


def test_settings_of_a_command_line():
    assert Limits().changed(["max_columns=7", "max_expansion=9"]) == Limits(max_columns=7, max_expansion=9)
    for wrong in ("max_rows=1", "max_columns", "max_columns=-1", "max_columns=0", "max_columns=1e3"):
        with pytest.raises(UsageError, match="--read-limit"):
            Limits().changed([wrong])


def test_limits_survive_serialization_of_options():
    options = ReadOptions(("", "NA"), ";", "warn", Limits(max_columns=7))
    assert ReadOptions.from_fields(asdict(options)) == options
