import subprocess
import sys

import pytest

from components.shared.errors import InputError
from components.table_reading.formats import json_lines
from tests.components.table_reading.sources import read, surveyed


@pytest.fixture
def lines(tmp_path):
    def lines(*rows: str) -> tuple[str, str]:
        (tmp_path / "t.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
        return str(tmp_path), "t.jsonl"

    return lines


def test_columns_are_the_keys_of_all_rows(lines):
    where = lines('{"a": 1}', "", '{"b": {"c": 0.5, "d": [1, 2]}, "n": null}', '{"b": {"e": "x"}, "a": null}')
    types = {"a": "int64", "b.c": "float64", "b.d": "list:int64", "b.e": "string", "n": "string"}
    assert surveyed(*where) == types
    assert read(*where, types=types).to_pylist() == [
        {"a": 1, "b.c": None, "b.d": None, "b.e": None, "n": None},
        {"a": None, "b.c": 0.5, "b.d": [1, 2], "b.e": None, "n": None},
        {"a": None, "b.c": None, "b.d": None, "b.e": "x", "n": None},
    ]


def test_keys_of_later_blocks(lines, monkeypatch):
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 16)
    where = lines(*['{"a": 1}'] * 9, '{"a": 2.5, "b": "2024-01-31"}', '{"b": "2024-02-01"}')
    assert surveyed(*where) == {"a": "float64", "b": "date"}
    table = read(*where, types={"a": "float64", "b": "string"})
    assert table["a"].to_pylist() == [1.0] * 9 + [2.5, None]
    assert table["b"].to_pylist() == [None] * 9 + ["2024-01-31", "2024-02-01"]


def test_column_with_numbers_and_texts(lines):
    where = lines('{"a": 1}', '{"a": "x"}', '{"a": true}', '{"a": 2.50}')
    assert surveyed(*where) == {"a": "string"}
    assert read(*where, types={"a": "string"})["a"].to_pylist() == ["1", "x", "true", "2.5"]
    with pytest.raises(InputError, match=r"t.jsonl: column 'a', row 2: invalid value 'x' where the schema says int64"):
        read(*where, types={"a": "int64"})


def test_texts_are_parsed_like_csv_cells(lines):
    where = lines('{"zip": "01234", "n": "5", "s": "NA"}', '{"zip": "90210", "n": "NA", "s": "x"}')
    assert surveyed(*where) == {"zip": "string", "n": "int64", "s": "string"}


def test_integers_beyond_int64_stay_different(lines):
    where = lines('{"a": 12345678901234567890}', '{"a": 12345678901234567891}')
    assert surveyed(*where) == {"a": "string"}
    assert read(*where, types={"a": "string"})["a"].to_pylist() == ["12345678901234567890", "12345678901234567891"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (['{"a": 1}', '{"a": 1'], r"row 2 is not JSON \(Expecting"),
        (['{"a": 1}', "5"], "row 2 is not a JSON object but 5"),
        (["[", '{"a": 1}', "]"], "is one JSON array; write one object a line"),
        (['{"a": 1}', '{"a": {"b": 1}}'], "column 'a' holds objects or lists in some rows and single values in others"),
        (['{"a": [{"b": 1}]}'], "column 'a' holds lists of objects, which cannot become columns"),
        (['{"a": [[1]]}'], "column 'a' holds lists of lists, which cannot become columns"),
        (['{"a": {"b": 1}, "a.b": 2}'], "column 'a.b' is duplicated"),
        ([""], "holds no rows"),
    ],
)
def test_refused(lines, rows, message):
    with pytest.raises(InputError, match=f"t.jsonl: {message}"):
        surveyed(*lines(*rows))


def test_missing_column(lines):
    with pytest.raises(InputError, match=r"t.jsonl: column 'b' is missing: it is in the schema"):
        read(*lines('{"a": 1}'), types={"a": "int64", "b": "int64"})


def test_a_long_line(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": "' + "x" * (9 << 20) + '"}')
    with pytest.raises(
        InputError, match=r"t.jsonl: a line is longer than \[data\] max_line_bytes allows \(8,388,608\)"
    ):
        surveyed(str(tmp_path), "t.jsonl")


PEAK = """
import sys
from tests.components.table_reading.sources import open_place, find_files, read_batches, arrow_types, ReadOptions
where, pattern = sys.argv[1:]
place, (file,) = open_place(where), find_files(where, pattern, ReadOptions())
rows = sum(b.num_rows for b in read_batches(place, file, arrow_types({"a": "int64", "s": "string"})))
with open("/proc/self/status") as status:  # getrusage counts what the parent had before it became this program
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(rows, peak >> 10)
"""


def peak(where: str, pattern: str) -> tuple[int, int]:
    """Number of rows, and peak memory in MiB of a process that reads them."""
    done = subprocess.run([sys.executable, "-c", PEAK, where, pattern], capture_output=True, text=True, check=True)
    rows, size = done.stdout.split()
    return int(rows), int(size)


def test_memory_does_not_grow_with_the_file(tmp_path):
    found = {}
    for rows in (10_000, 1_000_000):
        (tmp_path / "t.jsonl").write_text("".join(f'{{"a": {row}, "s": "{"x" * 150}"}}\n' for row in range(rows)))
        found[rows] = peak(str(tmp_path), "t.jsonl")
    assert found[1_000_000][0] == 1_000_000
    assert found[1_000_000][1] < found[10_000][1] + 100  # of 180 MB of text
