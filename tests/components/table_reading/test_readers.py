import csv
import gzip
import io
import math
import re

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.read_limits import DEFAULT_LIMITS
from components.table_reading.readers import read_batches
from components.table_reading.spans import find_spans

HEADER = b"id,n,x\n"


def message_of(read, content: bytes, name: str = "span-1.csv") -> str:
    """The error message of a file, without the file's name; asserts that it is one line that begins with the name."""
    with pytest.raises(InputError) as error:
        read(content, name)
    message = str(error.value)
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    assert len(message) < 1000
    place, found = re.fullmatch(r"(\S*/span-1\.csv(?:\.gz)?):? (.*)", message).groups()
    assert place.endswith(name)
    return found


def test_types_are_those_of_the_schema(read):
    table = read(HEADER + b"007,1,2\n1e3,-5,2.5\n")
    assert table.schema == pa.schema({"id": pa.string(), "n": pa.int64(), "x": pa.float64()})
    assert table.to_pydict() == {"id": ["007", "1e3"], "n": [1, -5], "x": [2.0, 2.5]}


def test_an_empty_column_keeps_its_type(read):
    table = read(HEADER + b",,\n,,\n")
    assert table.schema.types == [pa.string(), pa.int64(), pa.float64()]
    assert table.to_pydict() == {name: [None, None] for name in table.column_names}


def test_an_empty_cell_is_missing_and_a_quoted_one_is_an_empty_string(read):
    assert read(HEADER + b',1,2\n"",1,2\n')["id"].to_pylist() == [None, ""]


def test_unconfigured_markers_are_text(read):
    words = ["NA", "null", "None", "nan", "#N/A", "-", " "]
    assert read(HEADER + "".join(f"{word},1,2\n" for word in words).encode())["id"].to_pylist() == words


def test_zeros_are_values(read):
    assert read(HEADER + b"0,0,0.0\nFalse,-0,-0\n").to_pydict() == {"id": ["0", "False"], "n": [0, 0], "x": [0, 0]}


def test_not_a_number_and_infinity_are_values_of_a_float_column(read):
    found = read(HEADER + b"a,1,NaN\na,1,inf\na,1,-inf\na,1,\n")["x"]
    assert found.null_count == 1
    first, *others = found.to_pylist()
    assert math.isnan(first)
    assert others == [math.inf, -math.inf, None]


def test_the_whole_range_of_int64(read):
    ends = [2**63 - 1, -(2**63)]
    assert read(HEADER + "".join(f"a,{end},0\n" for end in ends).encode())["n"].to_pylist() == ends
    message = message_of(read, HEADER + b"a,1,0\na,9223372036854775808,0\n")
    assert message.startswith("column 'n', row 3 ")
    assert "9223372036854775808" in message


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_byte_order_mark(read, end, bom, last):
    lines = [b"id,n,x", b"a,1,2", b"b,2,3"]
    table = read(bom + end.join(lines) + (end if last else b""))
    assert table.to_pydict() == {"id": ["a", "b"], "n": [1, 2], "x": [2.0, 3.0]}


def test_quotes(read):
    table = read(HEADER + b'"a\nb",1,2\n"c ""d"" e","2",3\n"f,g",3,4\r\n')
    assert table["id"].to_pylist() == ["a\nb", 'c "d" e', "f,g"]
    assert table["n"].to_pylist() == [1, 2, 3]


def test_columns_are_in_schema_order(read):
    table = read(b"x,id,n\n1.5,a,2\n")
    assert table.column_names == ["id", "n", "x"]
    assert table.to_pylist() == [{"id": "a", "n": 2, "x": 1.5}]


def test_an_unknown_column_is_read_as_text_after_the_others(read):
    table = read(b"new,x,id,n\n007,1.5,a,2\n,1.5,a,2\n")
    assert table.column_names == ["id", "n", "x", "new"]
    assert table["new"].to_pylist() == ["007", None]


def test_gzip(read):
    assert read(gzip.compress(HEADER + b"a,1,2\n"), "span-1.csv.gz").to_pylist() == [{"id": "a", "n": 1, "x": 2.0}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n", "holds no rows"),
        (b"\n\n\n", "holds no rows"),
        (b"\xef\xbb\xbf", "holds no rows"),
        (b"id,n,x", "holds no rows"),
        (b"\0" * 100, "holds no rows"),
        (HEADER, "holds a header but no rows"),
        (b"id,n,x\r\n", "holds a header but no rows"),
        (HEADER + b"\n\n", "holds a header but no rows"),
        (HEADER + b"a,1,2\nb,1\n", "row 3 has 2 cells where the header has 3 (the header is row 1)"),
        (HEADER + b"a,1,2\nb,1,2,3\n", "row 3 has 4 cells where the header has 3 (the header is row 1)"),
        (HEADER + b"a,1\n", "row 2 has 2 cells where the header has 3 (the header is row 1)"),
        (
            HEADER + b"a,1,2\nb,one,2\n",
            "column 'n', row 3 (the header is row 1): invalid value 'one' where the schema says int64",
        ),
        (
            HEADER + b'a,"",2\n',
            "column 'n', row 2 (the header is row 1): invalid value '' where the schema says int64",
        ),
        (
            HEADER + b"a,1.5,2\n",
            "column 'n', row 2 (the header is row 1): invalid value '1.5' where the schema says int64",
        ),
        (
            b"x,id,n\n1,a,1\nhigh,a,1\n",  # the number of the column is the file's, not the schema's
            "column 'x', row 3 (the header is row 1): invalid value 'high' where the schema says double",
        ),
        (
            HEADER + b"a,1,2\n\xe9t\xe9,1,2\n",
            "column 'id', row 3 (the header is row 1): byte 0xe9 is not utf-8; the file looks like cp1252 ('été'): set "
            '[data] encoding = "cp1252", or save it as utf-8',
        ),
        (
            b"id,n,\xe9\na,1,2\n",
            "line 1: byte 0xe9 is not utf-8; the file looks like cp1252 ('é'): set [data] encoding = \"cp1252\", or "
            "save it as utf-8",
        ),
        (b"id,n,n,x\na,1,1,2\n", "column 'n' is duplicated; rename or drop one"),
        (b"id,n,x,q,q\na,1,1,2,3\n", "column 'q' is duplicated; rename or drop one"),
        (b"id,n\na,1\n", "column 'x' is missing: it is in the schema, not in the header"),
        (
            b"id;n;x\na;1;2\n",
            "looks semicolon-separated (id;n;x), but [data] delimiter is ','; set [data] delimiter or save it as the "
            "others",
        ),
        (b"ID,n,x\na,1,2\n", "column 'id' is missing: it is in the schema, not in the header"),
    ],
)
def test_refused(read, content, message):
    assert message_of(read, content) == message


def test_a_cell_with_a_line_break_or_control_characters_is_named_on_one_line(read):
    message = message_of(read, HEADER + b'a,1,2\nb,"1\n\x1b[31m\x00\xc2\x85 2",2\n')
    assert message.startswith("column 'n', row 3 (the header is row 1): invalid value '1 ")
    assert message.endswith("2' where the schema says int64")


def test_a_long_cell_is_shortened(read):
    message = message_of(read, HEADER + b"a," + b"1" * 100_000 + b",2\n")
    assert message.startswith("column 'n', row 2 ")
    assert len(message) < 400


def test_a_quoted_line_break_is_part_of_its_row(read):
    assert message_of(read, HEADER + b'"a\n\nb",1,2\nc,one,2\n').startswith("column 'n', row 3 ")


def test_nul_is_valid_in_text_but_not_in_numbers(read):
    assert read(HEADER + b"a\0b,1,2\n")["id"].to_pylist() == ["a\0b"]
    assert message_of(read, HEADER + b"a,1\x00,2\n").startswith("column 'n', row 2 ")


def test_utf16_is_refused(read):
    message_of(read, (HEADER + b"a,1,2\n").decode().encode("utf-16"))


def rows_of_gzip() -> bytes:
    return gzip.compress(HEADER + b"".join(b"row %d,%d,2\n" % (number, number**3) for number in range(5000)))


@pytest.mark.parametrize("kept", [15, 1000, -4, -1])
def test_a_truncated_gzip_is_refused(read, kept):
    assert "runcated" in message_of(read, rows_of_gzip()[:kept], "span-1.csv.gz")


def test_a_damaged_gzip_is_refused(read):
    content = bytearray(rows_of_gzip())
    content[-6] ^= 255  # in the checksum
    assert "incorrect data check" in message_of(read, bytes(content), "span-1.csv.gz")


def test_content_that_is_not_gzip(read):
    assert "incorrect header" in message_of(read, HEADER + b"a,1,2\n", "span-1.csv.gz")


@pytest.mark.parametrize("content", [b"", HEADER])
def test_gzip_of_an_empty_file(read, content):
    assert "no rows" in message_of(read, gzip.compress(content), "span-1.csv.gz")


@pytest.fixture(scope="module")
def long_file() -> list[bytes]:
    """Lines of a file of slightly more than two blocks."""
    lines = [b"id,n,x", *(b"r%062d,%d,1.5" % (number, number) for number in range(2, 250_002))]
    assert 2 * DEFAULT_LIMITS.max_line_bytes < sum(map(len, lines)) < 3 * DEFAULT_LIMITS.max_line_bytes
    return lines


@pytest.mark.parametrize("row", [2, 110_000, 180_000, 250_001])
@pytest.mark.parametrize(
    ("line", "start"),
    [
        (b"a,one,1", "column 'n', row {row} "),
        (b"\xff,1,1", "column 'id', row {row} "),
        (b"a,1", "row {row} has 2 cells "),
    ],
)
def test_row_number_is_correct_in_later_blocks(read, long_file, row, line, start):
    content = b"\n".join([*long_file[: row - 1], line, *long_file[row:]])
    assert message_of(read, content).startswith(start.format(row=row))


def test_batches_of_a_long_file_come_in_order(read, long_file):
    table = read(b"\n".join(long_file))
    assert table["n"].num_chunks >= 2
    assert table["n"].to_pylist() == list(range(2, 250_002))


def test_quoted_line_breaks_at_block_boundaries(read):
    """Cells consist mainly of line breaks, so that blocks end inside cells; row numbers must stay correct."""
    breaks = b"\n" * 61
    lines = [b'"%s",%d,1.5' % (breaks, number) for number in range(2, 250_002)]
    table = read(b"\n".join([b"id,n,x", *lines]))
    assert table["n"].to_pylist() == list(range(2, 250_002))
    assert set(table["id"].to_pylist()) == {breaks.decode()}
    lines[-1] = b"a,one,1"
    assert message_of(read, b"\n".join([b"id,n,x", *lines])).startswith("column 'n', row 250001 ")


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(text, st.integers(-(2**63), 2**63 - 1), st.floats()), min_size=1, max_size=20))
def test_reads_what_pythons_csv_writes(read, rows):
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(["id", "n", "x"])
    writer.writerows(rows)
    table = read(out.getvalue().encode())
    assert table["id"].to_pylist() == [row[0] for row in rows]
    assert table["n"].to_pylist() == [row[1] for row in rows]
    assert repr(table["x"].to_pylist()) == repr([row[2] for row in rows])  # NaN equals itself, -0.0 is not 0.0


@pytest.mark.parametrize("start", ["", '""', "\ufeff"])
def test_first_column_without_a_name_is_called_unnamed(tmp_path, start):
    path = tmp_path / "span-1.csv"
    path.write_text(f"{start},n\n7,1\n8,2\n", encoding="utf-8")
    (file,) = find_spans(str(tmp_path), "span-{span}.csv")
    types = {"unnamed": pa.int64(), "n": pa.int64()}
    batches = list(read_batches(fs.LocalFileSystem(), file, types))
    assert pa.Table.from_batches(batches).to_pydict() == {"unnamed": [7, 8], "n": [1, 2]}
