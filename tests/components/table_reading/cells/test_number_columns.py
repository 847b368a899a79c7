"""Detection of a table's number notation from all its values."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from components.table_reading.cells.number_notation import NumberNotation
from components.table_reading.cells.type_counts import count_batch
from components.table_reading.column_types import arrow_types
from components.table_reading.csv.dialect import detect_dialect
from components.table_reading.read_options import TypeCandidates, count_type_candidates
from components.table_reading.readers import read_batches
from components.table_reading.schema_inference import InferredSchema, infer_schema
from components.table_reading.spans import SpanFile

LOCAL = fs.LocalFileSystem()


def span(path) -> SpanFile:
    return SpanFile(0, str(path), path.name, path.stat().st_size, 0)


@pytest.fixture
def look(tmp_path):
    def look(delimiter: str = ",", **columns: list[str]) -> InferredSchema:
        """A survey of a CSV of these columns."""
        path = tmp_path / "x.csv"
        rows = [list(columns), *zip(*columns.values(), strict=True)]
        quoted = [delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in rows]
        path.write_text("\n".join(quoted) + "\n")
        options = detect_dialect(LOCAL, [span(path)]).options
        return infer_schema(LOCAL, [span(path)], options, 1000, find_markers=True)

    return look


@pytest.mark.parametrize(
    ("cells", "type_", "values"),
    [
        (["1,234.50", "12.5", "3"], "float64", [1234.5, 12.5, 3.0]),
        (["$1,234.50", "$12.00", "$3"], "float64", [1234.5, 12.0, 3.0]),
        (["12.5%", "3%", "100 %"], "float64", [12.5, 3.0, 100.0]),
        (["1 234", "999", "1 234 567"], "int64", [1234, 999, 1234567]),
        (["1'234.5", "7", "0.5"], "float64", [1234.5, 7.0, 0.5]),
        (["1_000", "2_000_000", "5"], "int64", [1000, 2000000, 5]),
        (["12 kg", "7 kg", "3.5 kg"], "float64", [12.0, 7.0, 3.5]),
        (["12km", "7km", "3km"], "int64", [12, 7, 3]),
        (["1.2k", "3M", "950"], "float64", [1200.0, 3e6, 950.0]),
        (["5 kg", "300 g", "2 kg"], "float64", [5000.0, 300.0, 2000.0]),
        (["36 months", "60 months", "1 month"], "int64", [36, 60, 1]),
        (["(1,234.00)", "55.00", "(3.10)"], "float64", [-1234.0, 55.0, -3.1]),
        (["5-", "7", "12-"], "int64", [-5, 7, -12]),
        (["+5", "-7", "+12"], "int64", [5, -7, 12]),
        (["70.00 CHF", "1.50 CHF", "3.00 CHF"], "float64", [70.0, 1.5, 3.0]),
        (["1\u00a0234,50 €", "3,00 €", "7,25 €"], "float64", [1234.5, 3.0, 7.25]),
        (["1,23,456", "7,890,123", "12"], "int64", [123456, 7890123, 12]),
    ],
)
def test_numbers_with_separators_and_units_are_numbers(look, cells, type_, values):
    found = look(a=cells, y=["x", "y", "x"])
    assert found.types["a"] == type_
    assert found.sample["a"].to_pylist() == values
    assert "is read as" in found.notes["a"]


@pytest.mark.parametrize(
    "cells",
    [
        ["12A", "7B", "3A"],  # codes
        ["$5", "€7", "£3"],  # amounts of several currencies
        ["12 Elm", "7 Oak", "3 Ash"],
        ["5 kg", "3 pcs", "7 kg"],
        ["1.234,5", "1,234.5", "3"],
        ["S1001", "S1002", "S1003"],
        ["192.168.1.1", "10.0.0.1", "8.8.8.8"],
        ["007", "012", "1,5"],
        ["5-7", "8-9", "1-2"],
    ],
)
def test_mixed_units_stay_text(look, cells):
    assert look(a=cells, y=["x", "y", "x"]).types["a"] == "string"


def test_ambiguous_point_is_decided_by_other_columns(look):
    german = look(";", a=["1.234", "2.345", "3.456"], b=["1,5", "2,25", "10,0"])
    assert german.sample["a"].to_pylist() == [1234, 2345, 3456]
    assert german.types["a"] == "int64"
    assert (german.options.decimal, german.options.thousands) == (",", ".")
    assert "by the file's other columns and delimiter" in german.notes["a"]
    english = look(a=["1.234", "2.345", "3.456"], b=["1.5", "2.25", "10.0"])
    assert english.sample["a"].to_pylist() == [1.234, 2.345, 3.456]
    assert "three decimals" in english.notes["a"]


def test_ambiguous_comma_is_decided_by_other_columns(look):
    english = look(a=["1,234", "2,345", "3,456"], b=["1.5", "2.25", "10.0"])
    assert english.sample["a"].to_pylist() == [1234, 2345, 3456]
    german = look(";", a=["1,234", "2,345", "3,456"], b=["1,5", "2,25", "10,0"])
    assert german.sample["a"].to_pylist() == [1.234, 2.345, 3.456]
    assert look(";", a=["1,234", "2,345", "3,456"], b=["u", "v", "w"]).sample["a"].to_pylist() == [1.234, 2.345, 3.456]
    assert look(a=["1,234", "2,345", "3,456"], b=["u", "v", "w"]).sample["a"].to_pylist() == [1234, 2345, 3456]


def test_ambiguous_value_is_decided_by_its_column(look):
    found = look(";", a=["1.234", "2.345,50", "3"], b=["1", "2", "3"])
    assert found.sample["a"].to_pylist() == [1234.0, 2345.5, 3.0]


def test_table_notation_requires_all_columns_to_fit(look):
    found = look(";", a=["1,5", "2,5", "3,5"], b=["1.25", "2.5", "3.0"], c=["0,5", "0,25", "1"])
    assert (found.options.decimal, found.options.thousands) == (".", "")
    assert found.options.numbers == {"a": NumberNotation(",", ""), "c": NumberNotation(",", "")}
    assert found.sample["b"].to_pylist() == [1.25, 2.5, 3.0]


def test_missing_value_markers_among_formatted_numbers(look):
    found = look(a=["1,234.5", "-", "n/a", "7"], b=["1", "2", "3", "4"])
    assert found.options.missing == ("", "-", "n/a")
    assert found.sample["a"].to_pylist() == [1234.5, None, None, 7.0]


def test_remark_counts_words_among_numbers_and_shows_three(look):
    cells = [f"{number}" for number in range(50)] + ["unknown", "see note", "pending", "closed", "unknown"]
    found = look(a=cells, y=["x"] * 55)
    assert found.types["a"] == "string"
    assert found.notes["a"] == (
        "numbers in 50 rows and other text in 5: 'unknown', 'see note', 'pending'; if these mean no value, add them to "
        "[data] missing"
    )


def test_plain_numbers_need_no_notation(look):
    found = look(a=["1.5", "2"], b=["1", "2"], c=["1e5", "-2E-3"])
    assert (found.options.decimal, found.options.thousands, found.options.numbers, found.notes) == (".", "", {}, {})


@given(
    st.lists(st.sampled_from(["1,5", "1.234", "$5", "7", "x", "12%", "+3", "1 234", "5 kg"]), min_size=1, max_size=30)
)
def test_joint_and_single_counts_of_numbers_are_equal(cells):
    one, other, more = TypeCandidates(), TypeCandidates(), TypeCandidates()
    count_type_candidates(pa.array(cells), one)
    count_batch(pa.record_batch([pa.array(cells), pa.array(cells)], ["a", "b"]), {"a": other, "b": more})
    assert one == other == more


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=5, max_size=40),
    st.sampled_from([(",", ".", ";"), (".", ",", ";"), (",", " ", "\t"), (".", "'", ","), (",", "", "|")]),
    st.sampled_from(["", "€", "%"]),
)
def test_notation_of_a_formatted_column_is_detected_and_parsed(tmp_path_factory, numbers, marks, unit):
    decimal, thousands, delimiter = marks
    numbers = [*numbers, Decimal("1234567.89")]

    def cell(number: Decimal) -> str:
        return f"{number:,f}".replace(",", "T").replace(".", decimal).replace("T", thousands) + unit

    path = tmp_path_factory.mktemp("x") / "x.csv"
    path.write_text(f"a{delimiter}b\n" + "".join(f'"{cell(number)}"{delimiter}x\n' for number in numbers))
    options = detect_dialect(LOCAL, [span(path)]).options
    found = infer_schema(LOCAL, [span(path)], options, 1000, find_markers=True)
    assert found.types == {"a": "float64", "b": "string"}
    assert found.sample["a"].to_pylist() == [float(number) for number in numbers]
    batches = read_batches(LOCAL, span(path), arrow_types(found.types), found.options)
    assert pa.Table.from_batches(batches)["a"].to_pylist() == [float(number) for number in numbers]
