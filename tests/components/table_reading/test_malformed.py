"""Malformed files: each raises a one-line error with the place, or is read by a documented repair."""

import bz2
import gzip
import io
import random
import struct
from collections.abc import Callable

import pyarrow as pa
import pytest
from pyarrow import compute as pc
from pyarrow import feather as pf
from pyarrow import fs, ipc
from pyarrow import parquet as pq

from components.table_reading.cells.type_mismatches import TypeMismatch
from tests.components.table_reading.refusals import TYPES, read, refusal

WIDE = {**TYPES, "b": "bool", "d": "date", "t": "timestamp"}
HEADER = b"id,n,x\n"
GOOD = pa.table({"id": ["a", "b", None], "n": pa.array([1, 2, None], pa.int64()), "x": [0.5, None, 2.0]})


def rows(number: int) -> bytes:
    return HEADER + b"".join(b"row %d,%d,0.5\n" % (row, row**3 % 10007) for row in range(number))


def parquet(table: pa.Table = GOOD, **options) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def arrow(table: pa.Table = GOOD, new: Callable = ipc.new_file) -> bytes:
    out = io.BytesIO()
    with new(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def feather(table: pa.Table, version: int) -> bytes:
    out = io.BytesIO()
    pf.write_feather(table, out, version=version)
    return out.getvalue()


def zstd(content: bytes) -> bytes:
    return pa.compress(content, "zstd", asbytes=True)


def where(column: str, row: int, value: str, type_: str) -> str:
    return f"column '{column}', row {row} (the header is row 1): invalid value '{value}' where the schema says {type_}"


RAGGED = "row {} has {} cells where the header has 3 (the header is row 1)"
TOO_LONG = "a row is longer than [data] max_line_bytes allows (8,388,608), or a quote is not closed"

CSV = {
    "zero bytes": ("x.csv", b"", "is empty"),
    "zero bytes, named as gzip": ("x.csv.gz", b"", "is empty"),
    "only newlines": ("x.csv", b"\n\r\n\n", "holds no rows"),
    "only a header": ("x.csv", HEADER, "holds a header but no rows"),
    "a gzip of only a header": ("x.csv.gz", gzip.compress(HEADER), "holds a header but no rows"),
    "short row": ("x.csv", HEADER + b"a,1,2\nb,1\n", RAGGED.format(3, 2)),
    "long row": ("x.csv", HEADER + b"a,1,2,3\n", RAGGED.format(2, 4)),
    "Latin-1 among UTF-8": (
        "x.csv",
        HEADER + "Köln,1,2\n".encode() + "Köln,1,2\n".encode("latin-1"),
        "column 'id', row 3 (the header is row 1): byte 0xf6 is not utf-8, which other lines are; save all of it in "
        "one encoding",
    ),
    "UTF-16": (
        "x.csv",
        "id,n,x\na,1,2\n".encode("utf-16"),
        "looks like utf-16, but [data] encoding is utf-8; set [data] encoding or save it as the others",
    ),
    "UTF-16, big end first": (
        "x.csv",
        b"\xfe\xff" + "id,n,x\n".encode("utf-16-be"),
        "looks like utf-16, but [data] encoding is utf-8; set [data] encoding or save it as the others",
    ),
    "NUL in a number": ("x.csv", HEADER + b"a,1\0,2\n", where("n", 2, "1 ", "int64")),
    "only NUL": ("x.csv", b"\0" * 4096, "holds no rows"),
    "column name twice": ("x.csv", b"id,n,x,n\na,1,2,3\n", "column 'n' is duplicated; rename or drop one"),
    "column without a name": (
        "x.csv",
        b"id,,n,x\na,0,1,2\n",
        "column 2 has no name; name or drop it (a pandas index? write with index=False)",
    ),
    "missing column": ("x.csv", b"id,n\na,1\n", "column 'x' is missing: it is in the schema, not in the header"),
    "wrong delimiter": (
        "x.csv",
        b"id;n;x\na;1;2\n",
        "looks semicolon-separated (id;n;x), but [data] delimiter is ','; set [data] delimiter or save it as the "
        "others",
    ),
    "quote not closed, in the first cell": (
        "x.csv",
        HEADER + b'"a,1,2\nb,1,2\n',
        RAGGED.format(2, 1) + "; a quote is not closed?",
    ),
    "quote not closed, in the last cell": (
        "x.csv",
        b'n,x,id\n1,2,"a\n3,4,b\n',
        "the last row ends inside a quoted cell; a quote is not closed",
    ),
    "quote not closed, in a long file": ("x.csv", HEADER + b'"a,1,2\n' + b"b,1,2\n" * 3_500_000, TOO_LONG),
    "text after a quoted number": ("x.csv", HEADER + b'a,"1"st,2\n', where("n", 2, "1st", "int64")),
    "cell of 20 MB": ("x.csv", HEADER + b"a,1,2\n" + b"x" * 20_000_000 + b",1,2\n", TOO_LONG),
    "integer beyond int64": (
        "x.csv",
        HEADER + b"a,1,2\nb,9223372036854775808,2\n",
        where("n", 3, "9223372036854775808", "int64"),
    ),
    "1.5 for an integer": ("x.csv", HEADER + b"a,1.5,2\n", where("n", 2, "1.5", "int64")),
    "nan for an integer": ("x.csv", HEADER + b"a,nan,2\n", where("n", 2, "nan", "int64")),
    "true for an integer": ("x.csv", HEADER + b"a,true,2\n", where("n", 2, "true", "int64")),
    "thousands separator": (
        "x.csv",
        HEADER + b'a,1,"1,000.5"\n',
        "column 'x', row 2 (the header is row 1) looks written with commas between thousands ('1,000.5'), which ",
    ),
    "marker that was not agreed on": ("x.csv", HEADER + b"a,NA,2\n", where("n", 2, "NA", "int64")),
    "truncated gzip": ("x.csv.gz", gzip.compress(rows(5000))[:-9], "Truncated compressed stream"),
    "gzip that is none": ("x.csv.gz", rows(3), "zlib inflate failed: incorrect header check"),
    "gzip with something behind": ("x.csv.gz", gzip.compress(rows(3)) + b"junk", "zlib inflate failed"),
    "truncated bzip2": ("x.csv.bz2", bz2.compress(rows(5000))[:-9], "Truncated compressed stream"),
    "bzip2 that is none": ("x.csv.bz2", rows(3), "bz2 decompress failed"),
    "truncated zstd": ("x.csv.zst", zstd(rows(5000))[:-9], "Truncated compressed stream"),
    "zstd that is none": ("x.csv.zst", rows(3), "ZSTD decompress failed"),
    "gzip named as text": ("x.csv", gzip.compress(rows(3)), "holds gzip data; rename it so that it ends in .csv.gz"),
    "Parquet named as text": ("x.csv", parquet(), "holds Parquet data; rename it so that it ends in .parquet"),
    "Arrow named as text": ("x.csv", arrow(), "holds Arrow data; rename it so that it ends in .arrow"),
    "unknown ending": ("x.doc", b"PK", "unknown file format; legal suffixes: .csv, .csv.gz, .csv.zst"),
}

WIDE_ROW = b"id,n,x,b,d,t\na,1,2,%s,%s,%s\n"
CELLS = {
    "word for a bool": (b"yes", b"", b"", "column 'b', row 2 (the header is row 1): invalid value 'yes' where"),
    "day that does not exist": (b"", b"2013-02-30", b"", where("d", 2, "2013-02-30", "date32[day]")),
    "date of another country": (b"", b"30.02.2013", b"", where("d", 2, "30.02.2013", "date32[day]")),
    "hour that does not exist": (b"", b"", b"2013-01-01 25:00", where("t", 2, "2013-01-01 25:00", "timestamp[us]")),
}

NAN = float("nan")
DAMAGED = bytearray(parquet())
DAMAGED[4:-8] = random.Random(0).randbytes(len(DAMAGED) - 12)

TYPED = {
    "Parquet without a column": (
        "x.parquet",
        parquet(GOOD.drop_columns(["x"])),
        "column 'x' is missing: it is in the schema, not in the file",
    ),
    "Parquet with text for a number": (
        "x.parquet",
        parquet(GOOD.set_column(1, "n", pa.array([None, "1", "2"]))),
        "column 'n', row 2: invalid value '1' where the schema says int64",
    ),
    "Parquet with a number for text": (
        "x.parquet",
        parquet(GOOD.set_column(0, "id", pa.array([7, 8, 9]))),
        "column 'id', row 1: invalid value 7 where the schema says string",
    ),
    "Parquet with a fraction for an integer": (
        "x.pq",
        parquet(GOOD.set_column(1, "n", pa.array([1.0, 2.0, 2.5]))),
        "column 'n', row 3: invalid value 2.5 where the schema says int64",
    ),
    "Parquet with NaN for an integer": (
        "x.pq",
        parquet(GOOD.set_column(1, "n", pa.array([1.0, NAN, 2.0]))),
        "column 'n', row 2: invalid value nan where the schema says int64",
    ),
    "Parquet with an integer beyond int64": (
        "x.pq",
        parquet(GOOD.set_column(1, "n", pa.array([1, 2**63, 2], pa.uint64()))),
        "column 'n', row 2: invalid value 9223372036854775808 where the schema says int64",
    ),
    "Parquet with several values for one": (
        "x.pq",
        parquet(GOOD.set_column(1, "n", pa.array([[1], [], [2, 3]]))),
        "column 'n', row 3: invalid value [2, 3] where the schema says int64",
    ),
    "Parquet with bytes that are no text": (
        "x.pq",
        parquet(GOOD.set_column(0, "id", pa.array([b"a", b"\xff", b"c"]))),
        "column 'id', row 2: is not valid UTF-8",
    ),
    "Parquet with text that is no UTF-8": (
        "x.pq",
        parquet(GOOD.set_column(0, "id", pa.array([b"a", b"\xff", b"c"]).view(pa.string()))),
        "In column 0: Invalid: Invalid UTF8 sequence at string index 1",
    ),
    "Parquet with a column twice": (
        "x.parquet",
        parquet(pa.table([[1], [2]], names=["n", "n"])),
        "column 'n' is duplicated; rename or drop one",
    ),
    "Parquet without rows": ("x.parquet", parquet(GOOD.slice(0, 0)), "holds no rows"),
    "truncated Parquet": ("x.parquet", parquet()[:-20], "Parquet magic bytes not found in footer."),
    "half a Parquet": ("x.parquet", parquet()[:200], "Parquet magic bytes not found in footer."),
    "garbage between Parquet's magic bytes": ("x.parquet", bytes(DAMAGED), "Couldn't deserialize thrift"),
    "garbage with a long footer": (
        "x.parquet",
        b"PAR1" + b"\x15" * 100 + struct.pack("<I", 10**9) + b"PAR1",
        "Parquet file size is 112 bytes, smaller than the size reported by footer's",
    ),
    "text named as Parquet": ("x.parquet", rows(3), "is not a Parquet file: it does not begin with PAR1"),
    "Arrow named as Parquet": ("x.parquet", arrow(), "holds Arrow data; rename it so that it ends in .arrow"),
    "Parquet named as Arrow": ("x.arrow", parquet(), "holds Parquet data; rename it so that it ends in .parquet"),
    "text named as Arrow": ("x.feather", rows(3), "is neither an Arrow IPC file nor a stream"),
    "Feather version 1": (
        "x.feather",
        feather(GOOD, 1),
        "is neither an Arrow IPC file nor a stream; it is Feather version 1, so write it as version 2",
    ),
    "truncated Arrow file": ("x.arrow", arrow()[:-30], "Not an Arrow file"),
    "truncated Arrow stream": ("x.ipc", arrow(new=ipc.new_stream)[:-100], "Expected to be able to read"),
    "Arrow without rows": ("x.arrow", arrow(GOOD.slice(0, 0)), "holds no rows"),
    "Arrow with a struct for a number": (
        "x.arrow",
        arrow(GOOD.set_column(1, "n", pa.array([None, {"k": 1}, None]))),
        "column 'n', row 2: invalid value {'k': 1} where the schema says int64",
    ),
    "Arrow with structs in a list that the schema does not name": (
        "x.arrow",
        arrow(GOOD.append_column("s", pa.array([None, [{"k": 1}], None]))),
        "column 's' is list<item: struct<k: int64>>, which a tf.Example cannot hold; flatten or drop it",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), [*CSV.values(), *TYPED.values()], ids=[*CSV, *TYPED])
def test_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name).startswith(message)


@pytest.mark.parametrize(("bool_", "date", "moment", "message"), CELLS.values(), ids=CELLS)
def test_refused_cell(tmp_path, bool_, date, moment, message):
    (tmp_path / "x.csv").write_bytes(WIDE_ROW % (bool_, date, moment))
    assert refusal(tmp_path / "x.csv", WIDE).startswith(message)


# --- structural damage is an error under the policy `warn`, too ---


STRUCTURAL = [
    "short row",
    "Latin-1 among UTF-8",
    "truncated gzip",
    "column name twice",
    "missing column",
    "quote not closed, in the last cell",
]


@pytest.mark.parametrize("kind", STRUCTURAL)
def test_damage_is_an_error_under_every_policy(tmp_path, kind):
    name, content, message = CSV[kind]
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name, on_type_mismatch="warn") == message


def test_damage_after_a_type_mismatch_is_an_error(tmp_path):
    (tmp_path / "x.csv").write_bytes(HEADER + b"a,one,2\nb,1\n")
    assert refusal(tmp_path / "x.csv", on_type_mismatch="warn") == RAGGED.format(3, 2)
    (tmp_path / "x.csv").write_bytes(HEADER + b"a,one,2\n\xff,1,2\n")
    assert "row 3 (the header is row 1): byte 0xff is not utf-8" in refusal(tmp_path / "x.csv", on_type_mismatch="warn")


def test_misfits_become_missing_and_are_counted(tmp_path):
    (tmp_path / "x.csv").write_bytes(
        b"id,n,x,b,d,t\n"
        b"a,1,2,true,2013-01-02,2013-01-02 03:04:05\n"
        b"b,1.0,two,yes,2013-02-30,2013-01-02T03:04:05+02:00\n"
        b'c,"",,0,,2013-01-02 24:00\n'
        b"d, 7 ,3,FALSE,2013-02-28,\n"
    )
    found: list[TypeMismatch] = []
    table = read(tmp_path / "x.csv", WIDE, found=found, on_type_mismatch="warn")
    assert table["n"].to_pylist() == [1, 1, None, 7]  # 1.0 is an integer
    assert table["x"].to_pylist() == [2.0, None, None, 3.0]
    assert table["b"].to_pylist() == [True, None, False, False]
    assert [str(day) for day in table["d"].to_pylist()] == ["2013-01-02", "None", "None", "2013-02-28"]
    assert [str(moment) for moment in table["t"].to_pylist()] == [
        "2013-01-02 03:04:05",
        "2013-01-02 01:04:05",
        "None",
        "None",
    ]
    assert found == [
        TypeMismatch("x.csv", "n", 1, 4, ""),
        TypeMismatch("x.csv", "x", 1, 3, "two"),
        TypeMismatch("x.csv", "b", 1, 3, "yes"),
        TypeMismatch("x.csv", "d", 1, 3, "2013-02-30"),
        TypeMismatch("x.csv", "t", 1, 4, "2013-01-02 24:00"),
    ]


def test_misfits_of_a_typed_file_are_counted_over_its_batches(tmp_path):
    numbers = pa.array([float(number) for number in range(200_000)])
    numbers = pc.if_else(pc.is_in(numbers, pa.array([70_000.0, 150_000.0])), pc.add(numbers, 0.5), numbers)
    (tmp_path / "x.parquet").write_bytes(parquet(pa.table({"n": numbers}), row_group_size=30_000))
    found: list[TypeMismatch] = []
    column = read(tmp_path / "x.parquet", {"n": "int64"}, found=found, on_type_mismatch="warn")["n"]
    assert (len(column), column.null_count, column[199_999].as_py()) == (200_000, 2, 199_999)
    assert found == [TypeMismatch("x.parquet", "n", 2, 70_001, "70000.5")]


# --- repairs ---


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (b'a"b,1,2\n', ['a"b']),  # a quote inside an unquoted cell is kept
        (b'"a"b,1,2\n', ["ab"]),  # text after a closing quote belongs to the cell
        (b"a\0b,1,2\n", ["a\0b"]),
        (b"a,1,2\n\n\nb,1,2\n", ["a", "b"]),  # blank lines are skipped
        (b"a,1,2", ["a"]),  # no final line break
        (b"a, 1\t,2\n", ["a"]),  # whitespace around a number
    ],
)
def test_repaired(tmp_path, content, ids):
    (tmp_path / "x.csv").write_bytes(HEADER + content)
    assert read(tmp_path / "x.csv")["id"].to_pylist() == ids


def test_two_gzips_in_a_row_are_one_file(tmp_path):
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(HEADER + b"a,1,2\n") + gzip.compress(b"b,1,2\n"))
    assert read(tmp_path / "x.csv.gz")["id"].to_pylist() == ["a", "b"]


def test_a_cell_of_10_mb_is_read(tmp_path):
    (tmp_path / "x.csv").write_bytes(HEADER + b"y" * 10_000_000 + b",1,2\nb,1,2\n")
    assert [len(value) for value in read(tmp_path / "x.csv")["id"].to_pylist()] == [10_000_000, 1]


# --- paths that are not readable files ---


def test_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "x.csv").mkdir()
    assert refusal(tmp_path / "x.csv") == "is a folder where a file is expected"


def test_broken_link(tmp_path):
    (tmp_path / "x.csv").symlink_to(tmp_path / "gone.csv")
    assert refusal(tmp_path / "x.csv") == "no such file, or a broken link"


class Locked(fs.FileSystemHandler):
    """A filesystem whose files exist but cannot be opened; needed since tests may run as root."""

    def get_file_info(self, paths):
        return [fs.FileInfo(path, fs.FileType.File, size=10) for path in paths]

    def open_input_stream(self, path):
        raise PermissionError(13, "Permission denied", path)

    open_input_file = open_input_stream
    get_type_name = normalize_path = get_file_info_selector = create_dir = delete_dir = delete_dir_contents = None
    delete_root_dir_contents = delete_file = move = copy_file = open_output_stream = open_append_stream = None


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.arrow", "x.tfrecord"])
def test_file_without_read_permission(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    locked = fs.PyFileSystem(Locked())
    assert refusal(tmp_path / name, filesystem=locked) == "may not be read (permission denied)"


@pytest.mark.parametrize("mismatches", ["block", "warn"])
def test_a_whole_number_with_a_decimal_point_is_an_integer(tmp_path, mismatches):
    rows = b"".join(b"%d,2.5\n" % number for number in range(100))
    (tmp_path / "x.csv").write_bytes(b"n,x\n" + rows + b"1750000000741.0,1\n,1\n-3.00,1\n9007199254740993.0,1\n")
    table = read(tmp_path / "x.csv", {"n": "int64", "x": "float64"}, on_type_mismatch=mismatches)
    assert table["n"].to_pylist() == [*range(100), 1750000000741, None, -3, 9007199254740993]
