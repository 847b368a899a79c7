"""Spreadsheets: selection of the sheet, conversion of cells, errors."""

import datetime as dt

import pytest

from components.shared.errors import InputError
from components.table_reading.formats.optional_libraries import MissingExtra, import_extra
from components.table_reading.formats.spreadsheets import describe_sheet
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import find_spans, open_folder
from tests.components.table_reading.sources import extra, read, surveyed


@pytest.fixture
def book(tmp_path):
    """Three sheets, the first hidden; `Data` has a formula, booleans, merged cells and formatted empty cells."""
    extra("python_calamine")
    xlsxwriter = extra("xlsxwriter")
    with xlsxwriter.Workbook(str(tmp_path / "b.xlsx")) as book:
        hidden = book.add_worksheet("secret")
        hidden.hide()
        hidden.write_row(0, 0, ["a", "b"])
        sheet = book.add_worksheet("Data")
        sheet.activate()
        sheet.set_first_sheet()
        sheet.write_row(0, 0, ["a", "twice", "flag", "took", "mixed"])
        sheet.write_row(1, 0, [1])
        sheet.write_formula(1, 1, "=A2*2", None, 2.5)
        sheet.write_boolean(1, 2, True)
        sheet.write_datetime(1, 3, dt.time(10, 5), book.add_format({"num_format": "hh:mm"}))
        sheet.write(1, 4, 7)
        sheet.merge_range(2, 0, 2, 1, 3)
        sheet.write_boolean(2, 2, False)
        sheet.write(2, 4, "seven")
        sheet.write_blank(9, 12, None, book.add_format({"bold": True}))
        book.add_worksheet("Notes").write(0, 0, "nothing")
    return tmp_path


def test_the_first_visible_sheet_is_read(book):
    types = {"a": "int64", "twice": "float64", "flag": "bool", "took": "time", "mixed": "string"}
    assert surveyed(str(book), "b.xlsx") == types
    assert read(str(book), "b.xlsx", {**types, "took": "string"}).to_pylist() == [
        {"a": 1, "twice": 2.5, "flag": True, "took": "10:05:00", "mixed": "7"},
        {"a": 3, "twice": None, "flag": False, "took": None, "mixed": "seven"},
    ]


def test_sheet_description(book):
    (file,) = find_spans(str(book), "b.xlsx")
    sheet = describe_sheet(open_folder(str(book))[0], file, ReadOptions())
    assert (sheet.name, sheet.others, sheet.merged) == ("Data", ("secret (hidden)", "Notes"), 1)


def test_named_sheet(book):
    extra("python_calamine")
    with pytest.raises(InputError, match=r"b.xlsx: no sheet is named 'Nope'; sheets: secret, Data, Notes$"):
        read(str(book), "b.xlsx", {}, ReadOptions(sheet="Nope"))
    with pytest.raises(InputError, match=r"b.xlsx, sheet 'secret': holds a header but no rows$"):
        read(str(book), "b.xlsx", {}, ReadOptions(sheet="secret"))


def test_type_mismatch_has_the_row_number_of_the_sheet(book):
    with pytest.raises(InputError, match=r"b.xlsx, sheet 'Data': column 'mixed', row 3 .*: invalid value 'seven'"):
        read(str(book), "b.xlsx", {"mixed": "int64"})


@pytest.mark.parametrize("content", [b"no workbook", b"PK\x03\x04 broken"])
def test_content_is_not_a_spreadsheet(tmp_path, content):
    extra("python_calamine")
    (tmp_path / "b.xlsx").write_bytes(content)
    with pytest.raises(InputError, match=r"b.xlsx: cannot be read as a spreadsheet \(.*\)$"):
        read(str(tmp_path), "b.xlsx", {})


def test_a_missing_extra_is_named():
    with pytest.raises(MissingExtra, match=r"^t.xlsx: needs the extra `excel`; pip install 'plumbline\[excel\]'$"):
        import_extra("no_such_module", "excel", "t.xlsx")
