import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arrow_example_gen.corrections_file import Correction, corrections_csv, read_corrections
from components.label_audit.audit import LabelIssue
from components.label_audit.export import label_issues_csv as exported_csv
from components.shared.texts.spreadsheet_formulas import escape_formula, unescape_formula


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+1", "'+1+1"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("-1", "-1"),
        ("+2.5e-3", "+2.5e-3"),
        ("-.5", "-.5"),
        ("-1|2", "'-1|2"),
        ("'-1", "'-1"),
        ("it's", "it's"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_cells(cell, written):
    assert escape_formula(cell) == written
    assert unescape_formula(written) == cell


@given(st.text(alphabet="'=+-@1.e\t\r\nab") | st.text())
def test_round_trip(cell):
    assert unescape_formula(escape_formula(cell)) == cell
    assert escape_formula(cell).lstrip("'") == cell.lstrip("'")


@given(st.text(alphabet="'=+-@1\tx", min_size=1, max_size=6).filter(str.strip))
def test_corrections_round_trip(tmp_path_factory, cell):
    path = tmp_path_factory.mktemp("corrections") / "corrections.csv"
    correction = Correction(cell, cell, cell, cell, cell, "2026-11-21")
    path.write_text(corrections_csv([correction]), encoding="utf-8", newline="")
    assert read_corrections(str(path)).rows == {2: correction}


def test_no_formula_is_evaluated_when_an_export_is_opened():
    issue = LabelIssue(row=0, id="=cmd|' /C calc'!A0", label="@x", suggested="-1", quality=0.01)
    text, _ = exported_csv([issue], "+label")
    (header, row) = csv.reader(io.StringIO(text))
    assert row[:2] == ["'=cmd|' /C calc'!A0", "'+label"]
    assert not [cell for cell in header + row if cell[:1] in tuple("=+-@\t\r")]
