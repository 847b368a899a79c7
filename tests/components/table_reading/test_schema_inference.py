import bz2
import decimal
import gzip

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.csv.dialect import detect_options
from components.table_reading.csv.layout import sniff_delimiter
from components.table_reading.read_options import ReadOptions
from components.table_reading.schema_inference import infer_schema, infer_types
from components.table_reading.spans import SpanFile

LOCAL = fs.LocalFileSystem()


@pytest.fixture
def write(tmp_path):
    """Writes texts to numbered CSV files."""

    def write(*texts, suffix=".csv"):
        files = []
        for number, text in enumerate(texts):
            path = tmp_path / f"span-{number}{suffix}"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            files.append(SpanFile(number, str(path), path.name, path.stat().st_size, 0))
        return files

    return write


def column_type(write, *cells, missing=("",)):
    files = write("x,y\n" + "".join(f"{cell},.\n" for cell in cells))
    return infer_types(LOCAL, files, ReadOptions(missing=missing))["x"]


@pytest.mark.parametrize(
    ("cells", "alias"),
    [
        (["1", "-2", "0", ""], "int64"),
        (["9223372036854775807", "-9223372036854775808"], "int64"),
        (["9223372036854775808", "1"], "string"),  # as floats, neighbours would become equal
        (["9223372036854775808", "0.5"], "float64"),
        (["1", "2.5"], "float64"),
        (["1e5", "-.5", "+3", "inf"], "float64"),
        (["1.5", "nan"], "float64"),
        (["007", "12"], "string"),
        (["01.10", "2"], "string"),
        (["0", "0.5"], "float64"),
        (["0", "1"], "int64"),
        (["true", "False"], "bool"),
        (["true", "1"], "bool"),
        (["true", "2"], "string"),
        (["2024-02-29", "1969-12-31"], "date"),
        (["2023-02-29", "1969-12-31"], "string"),  # no such day
        (["2024-02-29", "2024-02-29 10:00"], "timestamp"),
        (["2024-02-29T10:00:00.123456Z", "2024-02-29 10:00:00+02:00"], "timestamp"),
        (["01/02/2024"], "date"),
        (["13/02/2024", "02/13/2024"], "string"),  # day first and month first
        (["31.12.2023 10:00"], "timestamp"),
        (["9:30", "23:59:59"], "time"),
        (["9:30", "24:00"], "duration"),
        (["PT2H", "P1DT3M"], "duration"),
        (["a", "1"], "string"),
        (["1", "NA"], "string"),
        (["0x1F", "1"], "string"),
        ([" 5", "6 "], "int64"),
        (["", ""], "string"),
    ],
)
def test_a_column_gets_the_narrowest_type(write, cells, alias):
    assert column_type(write, *cells) == alias


def test_configured_markers_are_missing(write):
    assert column_type(write, "1", "NA", missing=("", "NA")) == "int64"


def test_rare_word_among_numbers_is_a_type_mismatch(write):
    files = write("x\n" + "5\n" * 2000 + "unknown\n")
    found = infer_schema(LOCAL, files, ReadOptions(), 3000)
    assert (found.types, found.mismatches, found.sample["x"].null_count) == ({"x": "int64"}, {"x": 1}, 1)
    assert column_type(write, *["5"] * 20, "unknown") == "string"
    assert column_type(write, *["5"] * 2000, "A7") == "string"  # no slip: a code


def test_types_are_inferred_from_all_files(write):
    files = write("i,e,s,n\n1,,7,\n", "i,e,s,n\n2.5,3,x,\n", "i,e,s,n\n3,4,8,\n")
    assert infer_types(LOCAL, files, ReadOptions()) == {"i": "float64", "e": "int64", "s": "string", "n": "string"}


def test_column_order_is_that_of_the_first_file(write):
    found = infer_schema(LOCAL, write("a,b\n1,x\n", "b,a\ny,2\n"), ReadOptions(), 10)
    assert found.types == {"a": "int64", "b": "string"}
    assert found.sample.to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    assert found.spans.tolist() == [0, 1]


CELLS = st.sampled_from(["", "1", "-7", "2.5", "007", "true", "2024-02-29", "2024-02-29 10:00", "NA", "x", "9" * 19])


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=2, max_size=30), data=st.data())
def test_types_do_not_depend_on_distribution_of_rows_over_files(tmp_path_factory, rows, data):
    folder = tmp_path_factory.mktemp("spread")
    cut = data.draw(st.integers(1, len(rows) - 1))

    def write(name, part):
        path = folder / name
        path.write_text("a,b,c\n" + "".join(f"{a},{b},.\n" for a, b in part))
        return SpanFile(0, str(path), name, path.stat().st_size, 0)

    whole, parts = [write("whole.csv", rows)], [write("1.csv", rows[:cut]), write("2.csv", rows[cut:])]
    options = ReadOptions(missing=data.draw(st.sampled_from([("",), ("", "NA")])))
    assert infer_types(LOCAL, whole, options) == infer_types(LOCAL, parts, options)
    assert detect_options(LOCAL, *whole) == detect_options(LOCAL, *parts)


def test_compressed_csv(write):
    text = b"a,b\n1,x\n"
    zstd = pa.CompressedOutputStream
    sink = pa.BufferOutputStream()
    with zstd(sink, "zstd") as stream:
        stream.write(text)
    packed = {".csv.gz": gzip.compress(text), ".csv.bz2": bz2.compress(text), ".csv.zst": sink.getvalue().to_pybytes()}
    for suffix, content in packed.items():
        assert infer_types(LOCAL, write(content, suffix=suffix), ReadOptions()) == {"a": "int64", "b": "string"}


TYPED = pa.table(
    {
        "i": pa.array([1, 2], pa.int8()),
        "u": pa.array([1, 2], pa.uint64()),
        "U": pa.array([1, 2**64 - 1], pa.uint64()),
        "h": pa.array(np.array([1, 2], np.float16)),
        "d": pa.array([decimal.Decimal("1.5"), None]),
        "c": pa.array(["x", "y"]).dictionary_encode(),
        "b": [True, None],
        "day": pa.array([0, 1], pa.date32()),
        "t": pa.array([0, 1], pa.timestamp("ns", "UTC")),
        "li": [[1, 2], []],
        "ls": [["x"], None],
        "n": pa.nulls(2),
    }
)
ALIASES = {
    "i": "int64",
    "u": "int64",
    "U": "string",
    "h": "float64",
    "d": "float64",
    "c": "string",
    "b": "bool",
    "day": "date",
    "t": "timestamp",
    "li": "list:int64",
    "ls": "list:string",
    "n": "string",
}


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_typed_formats(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    table = TYPED
    if suffix == ".parquet":
        pq.write_table(table, path)
    else:
        pyarrow.feather.write_feather(table, path)
    found = infer_schema(LOCAL, [SpanFile(0, str(path), "t", path.stat().st_size, 0)], ReadOptions(), 10)
    assert found.types == ALIASES
    assert found.sample["day"].to_pylist() == [0, 1]
    assert found.sample["b"].to_pylist() == [1, None]
    assert found.missing["n"] == 2


def parquet_files(tmp_path, *columns):
    files = []
    for number, column in enumerate(columns):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"x": column}), path)
        files.append(SpanFile(number, str(path), path.name, path.stat().st_size, 0))
    return files


@pytest.mark.parametrize(
    ("columns", "alias"),
    [
        (([1], [1.5]), "float64"),
        ((pa.nulls(1), [True]), "bool"),
        (([True], [7]), "int64"),
        ((pa.array([0], pa.date32()), pa.array([0], pa.timestamp("us"))), "timestamp"),
        (([[1]], [1.5]), "list:float64"),
    ],
)
def test_common_type_of_several_typed_files(tmp_path, columns, alias):
    assert infer_types(LOCAL, parquet_files(tmp_path, *columns), ReadOptions()) == {"x": alias}


def test_conflicting_types_of_typed_files_are_an_error(tmp_path):
    with pytest.raises(InputError, match="column 'x' is int64 in one file and string in another"):
        infer_types(LOCAL, parquet_files(tmp_path, [1], ["a"]), ReadOptions())
    with pytest.raises(InputError, match="column 'x' is list<element: struct<a: int64>>, which a"):
        infer_types(LOCAL, parquet_files(tmp_path, [[{"a": 1}]]), ReadOptions())


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([""], "is empty"),
        (["a,b\n"], "holds no rows"),
        (["a,a\n1,2\n"], "column 'a' is duplicated"),
        (["a,\n1,2\n"], "column 2 has no name"),
        (["a,b\n1,2\n", "a\n1\n"], "span-1.csv: column 'b' is missing; span-0.csv has it"),
        (["a\n1\n", "a,b\n1,2\n"], "span-1.csv: column 'b' is not in span-0.csv"),
        (["a,b\n1,2\n3\n"], "cannot be read as CSV"),
        ([b"a\n\xff\n"], "column 'a', row 2 .*: byte 0xff is not utf-8"),
    ],
)
def test_unreadable_files(write, texts, message):
    with pytest.raises(InputError, match=message) as caught:
        infer_types(LOCAL, write(*texts), ReadOptions())
    assert "\n" not in str(caught.value)


def test_sample_is_deterministic_and_ordered(write):
    files = write("x\n" + "".join(f"{row}\n" for row in range(5000)))
    first, second = (infer_schema(LOCAL, files, ReadOptions(), 100).sample["x"].to_pylist() for _ in range(2))
    assert first == second == sorted(first)
    assert 20 < len(first) <= 100
    assert first[-1] > 4000  # from everywhere, not from the top


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2\n3,5;4\n", ";"),
        ("a\tb\tc\n1\t2\t3\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ('a,"b;c;d"\n1,"x;y;z"\n', ","),
        ("a\n1\n", ","),
    ],
)
def test_delimiter_gives_equal_cell_counts(head, delimiter):
    assert sniff_delimiter(head) == delimiter


@pytest.mark.parametrize(
    ("cells", "markers"),
    [
        (["1", "?", "2"], ("", "?")),
        (["1", " NA", "2.5"], ("", " NA")),
        (["2024-01-01", "-"], ("", "-")),
        (["a", "b", "NULL"], ("", "NULL")),
        (["a", "b", "None"], ("",)),  # a category among categories
        (["a", "?", "?", "?"], ("",)),  # mostly: then it means something
        (["EU", "AS", "NA", "AF"], ("",)),  # North America
        (["NA", "NA"], ("",)),
        (["1", "2"], ("",)),
    ],
)
def test_markers_for_missing_values(write, cells, markers):
    files = write("x,y\n" + "".join(f"{cell},1\n" for cell in cells))
    assert detect_options(LOCAL, *files).missing == markers
