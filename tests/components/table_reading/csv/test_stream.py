import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.table_reading.csv.stream import UNNAMED, CsvStream

BOM = b"\xef\xbb\xbf"


def passed_on(content: bytes, size: int) -> list[bytes]:
    stream = CsvStream(pa.BufferReader(content), ",")
    blocks = []
    while block := stream.read(size):
        blocks.append(block)
    return blocks


@given(st.binary(max_size=60).filter(lambda content: content[:1] not in (b",", b'"', b"\xef")), st.integers(1, 20))
def test_stream_passes_all_bytes_in_blocks_of_at_most_the_requested_size(content: bytes, size: int) -> None:
    blocks = passed_on(content, size)
    assert b"".join(blocks) == content
    assert all(len(block) <= size for block in blocks)


@pytest.mark.parametrize("size", [3, 7, 100])
@pytest.mark.parametrize("start", [b"", b'""', BOM, BOM + b'""'])
def test_nameless_first_column_gets_a_name(start: bytes, size: int) -> None:
    mark = BOM if start.startswith(BOM) else b""
    if size <= len(start):
        return  # a block that is shorter than the mark itself; Arrow asks for megabytes
    blocks = passed_on(start + b",a\n1,2\n", size)
    assert b"".join(blocks) == mark + UNNAMED.encode() + b",a\n1,2\n"
    assert all(len(block) <= size for block in blocks)


def test_named_first_column_is_unchanged() -> None:
    for content in (b"a,\n1,2\n", b'"a",b\n', b'"""x""",b\n'):
        assert b"".join(passed_on(content, 100)) == content


def test_arrow_reads_what_pandas_and_r_write() -> None:
    for content in (b",x\n0,5\n1,6\n", b'"","x"\n"1",5\n"2",6\n'):
        table = pa.csv.open_csv(CsvStream(pa.BufferReader(content), ",")).read_all()
        assert table.column_names == [UNNAMED, "x"]
        assert table["x"].to_pylist() == [5, 6]
