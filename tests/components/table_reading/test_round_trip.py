"""Round trips of random tables through every format, compared with pyarrow and pandas."""

import io
import math
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import csv, fs, ipc
from pyarrow import parquet as pq

from components.arrow_example_gen.example_encoding import example_batch, write_examples
from components.shared.examples.example_reading import read_examples
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import FileTypeMismatches
from components.table_reading.column_types import arrow_types
from components.table_reading.csv.files import read_csv
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.spans import SpanFile

pytestmark = pytest.mark.slow

LOCAL = fs.LocalFileSystem()
TYPES = {"s": "string", "i": "int64", "f": "float64"}
INT64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**63 - 1, -(2**63), 2**53 + 1, 0])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["", " ", "007", 'say "x"', '"', ",", "a\nb", "a\r\nb", "NA", "nan", "ü", "🛫", "\ufeff", "'"]
)
ROWS = st.lists(st.tuples(st.none() | TEXT, st.none() | INT64, st.none() | st.floats()), min_size=1, max_size=12)
relaxed = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def table_of(rows: list[tuple]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(column, TYPES[name]) for name, column in zip(TYPES, columns, strict=True)], list(TYPES))


def read(content: bytes, name: str, types: dict[str, str] = TYPES, **options) -> pa.Table:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        file = SpanFile(1, str(path), name, len(content), 0)
        return pa.Table.from_batches(list(read_batches(LOCAL, file, arrow_types(types), ReadOptions(**options))))


def through_examples(table: pa.Table) -> pd.DataFrame:
    """Encodes a table as tf.Examples and decodes it again."""
    with tempfile.TemporaryDirectory() as folder:
        assert write_examples(table.to_batches(), f"{folder}/data_tfrecord-00000-of-00001.gz") == table.num_rows
        return read_examples(folder, table.column_names)


def assert_stored(found: pd.DataFrame, expected: pa.Table) -> None:
    """Asserts equal values; floats as float32, null as missing, NaN as NaN or missing."""
    for name in expected.column_names:
        cells, values = found[name].tolist(), expected[name].to_pylist()
        assert len(cells) == len(values)
        for cell, value in zip(cells, values, strict=True):
            if value is None or (isinstance(value, float) and math.isnan(value)):
                assert cell is None or pd.isna(cell)
            elif isinstance(value, float):
                with np.errstate(over="ignore"):
                    assert cell == np.float32(value)
            else:
                assert cell == value


def pandas_reading(content: bytes) -> pd.DataFrame:
    return pd.read_csv(
        io.BytesIO(content),
        dtype={"s": "string", "i": "Int64", "f": "float64"},
        keep_default_na=False,
        na_values={"i": [""], "f": ["", "nan"], "s": []},
        float_precision="round_trip",
    )


@relaxed
@given(ROWS)
def test_csv_by_pyarrow(rows):
    table, out = table_of(rows), io.BytesIO()
    csv.write_csv(table, out)
    found = read(out.getvalue(), "x.csv")
    assert repr(found.to_pydict()) == repr(table.to_pydict())  # NaN equals itself, -0.0 is not 0.0
    assert_stored(through_examples(found), table)
    # pandas does not distinguish an empty cell from a quoted one
    theirs = pandas_reading(out.getvalue())
    assert theirs["s"].tolist() == found["s"].fill_null("").to_pylist()
    assert [None if pd.isna(value) else value for value in theirs["i"]] == found["i"].to_pylist()
    np.testing.assert_array_equal(theirs["f"], found["f"].to_pandas())


@relaxed
@given(ROWS, st.sampled_from(["\n", "\r\n"]))
def test_csv_by_pandas(rows, line_end):
    if line_end == "\n":
        # pandas quotes a carriage return only where it ends lines; unquoted it is a line's end to every reader
        rows = [(text and text.replace("\r", "\n"), *rest) for text, *rest in rows]
    frame = table_of(rows).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    content = frame.to_csv(index=False, lineterminator=line_end).encode()
    found = read(content, "x.csv")
    theirs = csv.read_csv(
        io.BytesIO(content),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=arrow_types(TYPES),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    assert repr(found.to_pydict()) == repr(theirs.to_pydict())
    assert found["i"].to_pylist() == [row[1] for row in rows]
    # pandas writes missing as an empty cell; "" as well, unless it is the only column
    assert found["s"].fill_null("").to_pylist() == [row[0] or "" for row in rows]
    assert_stored(through_examples(found), theirs)


def parquet_file(table: pa.Table, rows: int) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=rows)
    return out.getvalue()


def ipc_file(table: pa.Table, rows: int) -> bytes:
    out = io.BytesIO()
    with ipc.new_file(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return out.getvalue()


def ipc_stream(table: pa.Table, rows: int) -> bytes:
    out = io.BytesIO()
    with ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return out.getvalue()


FORMATS = {"x.parquet": parquet_file, "x.arrow": ipc_file, "x.ipc": ipc_stream}
TYPED = {**TYPES, "b": "bool", "d": "date", "t": "timestamp", "li": "list:int64", "ls": "list:string"}
TYPED_ROWS = st.lists(
    st.tuples(
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        st.none() | INT64,
        st.none() | st.floats(),
        st.none() | st.booleans(),
        st.none() | st.dates(),
        st.none() | st.datetimes(),
        st.none() | st.lists(INT64, max_size=3),
        st.none() | st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("name", FORMATS)
@relaxed
@given(TYPED_ROWS, st.integers(1, 4))
def test_typed_formats(name, rows, written):
    columns = dict(zip(TYPED, zip(*rows, strict=True), strict=True))
    table = pa.table({key: pa.array(columns[key], type_) for key, type_ in arrow_types(TYPED).items()})
    found = read(FORMATS[name](table, written), name, TYPED)
    assert found.schema.types == table.schema.types
    assert repr(found.to_pydict()) == repr(table.to_pydict())
    scalar = table.select(["s", "i", "f", "b", "d", "t"])
    as_stored = pa.table(
        {
            **{key: scalar[key] for key in ("s", "i", "f")},
            "b": scalar["b"].cast(pa.int64()),
            "d": scalar["d"].cast(pa.int32()).cast(pa.int64()),
            "t": scalar["t"].cast(pa.int64()),
        }
    )
    assert_stored(through_examples(found.select(as_stored.column_names)), as_stored)


@relaxed
@given(ROWS)
def test_tfrecords_of_the_component_are_read_back(rows):
    table = table_of(rows).append_column("d", pa.array([row[1] and 15_706 for row in rows], pa.int64()))
    with tempfile.TemporaryDirectory() as folder:
        write_examples(table.to_batches(), f"{folder}/x.gz")
        content = Path(folder, "x.gz").read_bytes()
    found = read(content, "x.tfrecord.gz", {**TYPES, "d": "int64"})
    assert found.drop_columns(["f"]).to_pydict() == table.drop_columns(["f"]).to_pydict()
    with np.errstate(over="ignore"):
        expected = [None if value is None else float(np.float32(value)) for value in table["f"].to_pylist()]
    assert repr(expected) == repr(found["f"].to_pylist())


@relaxed
@given(st.lists(st.none() | st.lists(INT64, max_size=3), min_size=1, max_size=9), st.integers(0, 9))
def test_lists_become_several_values(rows, cut):
    whole = pa.record_batch({"l": pa.array(rows, pa.list_(pa.int64()))})
    for batch, expected in ((whole.slice(0, cut), rows[:cut]), (whole.slice(cut), rows[cut:])):
        assert example_batch(batch).to_pydict()["l"] == expected


@settings(relaxed, max_examples=80)
@given(ROWS, st.integers(40, 300))
@example([("0\r\n", None, None)], 40)
def test_any_block_size_gives_the_same_rows(rows, block_bytes):
    out = io.BytesIO()
    csv.write_csv(table_of(rows * 5), out)
    content = out.getvalue()
    longest = max(len(csv_row(row)) for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes(content)
        file = SpanFile(1, str(path), "x.csv", len(content), 0)

        def batches(size: int) -> list[pa.RecordBatch]:
            found = FileTypeMismatches("x.csv", "block", header_row=1)
            return list(read_csv(LOCAL, file, arrow_types(TYPES), ReadOptions(), found, size))

        small, large = batches(max(block_bytes, longest + 1)), batches(8 << 20)
    assert repr(pa.Table.from_batches(small).to_pydict()) == repr(pa.Table.from_batches(large).to_pydict())
    assert len(large) == 1


def csv_row(row: tuple) -> bytes:
    out = io.BytesIO()
    csv.write_csv(table_of([row]), out, csv.WriteOptions(include_header=False))
    return out.getvalue()


NUMBERISH = st.text("0123456789+-.eExX_naifNAIFty :TZ", max_size=12)
CELLS = st.one_of(
    NUMBERISH,
    INT64.map(str),
    st.integers().map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.tuples(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)).map("{0[0]:04}-{0[1]:02}-{0[2]:02}".format),
    st.sampled_from(["true", "TRUE", "tRUE", "0", "1", " 1", "0x1F", "1e400", "-0", "nan", "inf", "1,5", "٣"]),
)


@pytest.mark.parametrize("alias", ["int64", "float64", "bool", "date"])
@settings(relaxed, max_examples=300)
@given(st.lists(CELLS, min_size=1, max_size=6))
@example(["9223372036854775807", "-9223372036854775808", "9223372036854775808", "00000000000000000000001"])
@example(["2013-02-29", "2012-02-29", "0000-01-01", "9999-12-31"])
def test_parse_agrees_with_arrows_csv_reader(alias, cells):
    """`parse` returns the value of Arrow's CSV reader for each cell, and null where Arrow raises an error.

    Only `parse` accepts integers with a fraction of zeros, as pandas writes integer columns with missing values.
    """
    type_ = arrow_types({"c": alias})["c"]
    parsed = parse(pa.array(cells, pa.string()), type_)
    for cell, value in zip(cells, parsed, strict=True):
        content = 'c\n"{}"\n'.format(cell.replace('"', '""')).encode()
        options = csv.ConvertOptions(column_types={"c": type_}, null_values=[], quoted_strings_can_be_null=False)
        try:
            theirs = csv.read_csv(io.BytesIO(content), convert_options=options)["c"][0]
        except pa.ArrowInvalid:
            theirs = pa.scalar(None, type_)
        if alias == "int64" and re.fullmatch(r"-?\d+\.0+", cell.strip(" \t")):
            theirs = pa.scalar(int(cell.partition(".")[0]), type_)
        assert theirs.equals(value) or str(theirs) == str(value) == "nan"


@relaxed
@given(st.lists(st.none() | INT64.map(str) | st.sampled_from(["one", "1.5", ""]), min_size=1, max_size=30), st.data())
def test_counting_type_mismatches_keeps_all_other_values(cells, data):
    """Under `warn` a cell is parsed, or missing and counted as a type mismatch, for any block size."""
    lines = [b"s,i\n", *(f"r{row},".encode() + quoted(cell) + b"\n" for row, cell in enumerate(cells))]
    content = b"".join(lines)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes(content)
        file = SpanFile(1, str(path), "x.csv", len(content), 0)
        found = FileTypeMismatches("x.csv", "warn", header_row=1)
        size = data.draw(st.integers(40, 400))
        types = arrow_types({"s": "string", "i": "int64"})
        table = pa.Table.from_batches(
            list(read_csv(LOCAL, file, types, ReadOptions(on_type_mismatch="warn"), found, size))
        )
    good = {cell: int(cell) for cell in cells if cell and cell.lstrip("-").isdigit()}
    assert table["s"].to_pylist() == [f"r{row}" for row in range(len(cells))]
    assert table["i"].to_pylist() == [good.get(cell) for cell in cells]
    bad = [(row, cell) for row, cell in enumerate(cells) if cell is not None and cell not in good]
    assert [(one.column, one.count, one.row, one.value) for one in found.per_column] == (
        [("i", len(bad), bad[0][0] + 2, bad[0][1])] if bad else []
    )


def quoted(cell: str | None) -> bytes:
    return b"" if cell is None else f'"{cell}"'.encode()
