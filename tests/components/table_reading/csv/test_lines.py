import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.errors import InputError
from components.table_reading.csv.layout import find_layout
from components.table_reading.csv.text import table_of
from components.table_reading.read_options import ReadOptions


def table(content: bytes, size: int = 5, **options) -> bytes:
    """Reads the table of a file in blocks of `size` bytes."""
    stream = table_of(io.BytesIO(content), "x.csv", ReadOptions(**options))
    return b"".join(iter(lambda: stream.read(size), b""))


BREAKS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(
    st.lists(st.sampled_from([b"a,b", b"", b"1,2", b"x", b",,"]), max_size=5),
    st.lists(st.sampled_from([b"a,b", b"1,2", b"x,", b"3,4"]), min_size=1, max_size=5),
    st.lists(st.sampled_from([b"Total,3", b"x"]), max_size=4),
    BREAKS,
    st.integers(1, 40),
)
def test_lines_above_and_below_are_removed_for_any_block_size(above, rows, below, line_break, size):
    content = line_break.join([*above, *rows, *below])
    found = table(content, size, header_row=len(above) + 1, skip_footer=len(below))
    assert found.rstrip(b"\r\n") == line_break.join(rows)


@given(st.lists(st.sampled_from([b"#c", b"a,b", b'"q\n#no comment",1', b"#", b"1,#2"]), max_size=8), st.integers(1, 40))
def test_comments_are_removed_except_in_quoted_cells(lines, size):
    kept = [line for line in lines if not line.startswith(b"#")]
    found = table(b"".join(line + b"\n" for line in lines), size, comment="#")
    assert found == b"".join(line + b"\n" for line in kept)


def test_empty_lines_do_not_count_as_footer():
    assert table(b"a,b\n1,2\nTotal,2\n,,\n\n", skip_footer=1) == b"a,b\n1,2\n"


@pytest.mark.parametrize("options", [{"header_row": 9}, {"skip_footer": 9}])
def test_file_with_too_few_lines_is_an_error(options):
    with pytest.raises(InputError, match="x.csv: .*\\[data\\] (header_row|skip_footer)"):
        table(b"a,b\n1,2\n", **options)


ROWS = "".join(f"{number},{number}.5,w{number % 3}\n" for number in range(30))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b,c\n" + ROWS, (",", 1, 0, "")),
        ("Report\n\na,b,c\n" + ROWS, (",", 3, 0, "")),
        ("Report,,\n,,\na,b,c\n" + ROWS + "Total,480.5,\n", (",", 3, 1, "")),
        ("a,b,c\n" + ROWS + "Total,480.5,30\n", (",", 1, 1, "")),
        ("a,b,c\n" + ROWS + "\nSource: somebody\n", (",", 1, 1, "")),
        ("# made by x\na,b,c\n" + ROWS, (",", 1, 0, "#")),
        ("#a,b,c\n" + ROWS, (",", 1, 0, "")),
        ("Report of 2024, all\n" + ("a,b,c\n" + ROWS).replace(",", ";"), (";", 2, 0, "")),
        (",a,b\n" + ROWS, (",", 1, 0, "")),
        ("a,b,c,,\n" + ROWS.replace("\n", ",,\n"), (",", 1, 0, "")),
        ("a,b,c\n1,x,\n" + ROWS + "31,7.5,\n", (",", 1, 0, "")),
        ("name\nx\ny\nz\n", (",", 1, 0, "")),
        ("2020,2021,2022\n" + ROWS, (",", 1, 0, "")),
    ],
)
def test_layout_detection(text, found):
    layout = find_layout(text, text, True)
    assert (layout.delimiter, layout.header_row, layout.skip_footer, layout.comment) == found


def test_numeric_first_line_raises_a_doubt():
    assert find_layout(ROWS, ROWS, True).doubt == "line 1 looks like a row, not like a header"
