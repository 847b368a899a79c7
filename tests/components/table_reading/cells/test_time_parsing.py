"""Parsing of dates, times and durations in common notations."""

import datetime as dt

import pyarrow as pa
import pytest

from components.table_reading.cells.date_notations import chosen
from components.table_reading.cells.text_parsing import listed
from components.table_reading.cells.time_parsing import dates, durations, seconds, times
from components.table_reading.read_options import TypeCandidates, count_type_candidates

DATE, MOMENT = pa.date32(), pa.timestamp("us")


def texts(*cells: str | None) -> pa.Array:
    return pa.array(cells, pa.string())


@pytest.mark.parametrize(
    ("cell", "written", "type_", "value"),
    [
        ("31.12.2013", "%d.%m.%Y", DATE, dt.date(2013, 12, 31)),
        ("1.2.2013", "%d.%m.%Y", DATE, dt.date(2013, 2, 1)),
        ("29.02.2012", "%d.%m.%Y", DATE, dt.date(2012, 2, 29)),
        ("29.02.2013", "%d.%m.%Y", DATE, None),  # strptime alone makes the 1st of March of it
        ("20131231", "%Y%m%d", DATE, dt.date(2013, 12, 31)),
        ("20130230", "%Y%m%d", DATE, None),
        ("Dec 31, 2013", "%b %d, %Y", DATE, dt.date(2013, 12, 31)),
        ("31.12.2013 10:00", "%d.%m.%Y %H:%M", DATE, None),  # the hour would be lost
        ("31 Dec 2013 10:11:12.25", "%d %b %Y %H:%M:%S", MOMENT, dt.datetime(2013, 12, 31, 10, 11, 12, 250_000)),
        ("12/31/2013 12:05 AM", "%m/%d/%Y %I:%M %p", MOMENT, dt.datetime(2013, 12, 31, 0, 5)),
        ("1388534399", "epoch_s", MOMENT, dt.datetime(2013, 12, 31, 23, 59, 59)),
        ("1388534399.5", "epoch_s", MOMENT, dt.datetime(2013, 12, 31, 23, 59, 59, 500_000)),
        ("-1", "epoch_ms", MOMENT, dt.datetime(1969, 12, 31, 23, 59, 59, 999_000)),
        ("x", "epoch_ms", MOMENT, None),
    ],
)
def test_dates(cell: str, written: str, type_: pa.DataType, value: object) -> None:
    assert dates(texts(cell, None), type_, written).to_pylist() == [value, None]


def test_numeric_epochs_are_dates() -> None:
    assert dates(pa.array([20131231, 20131301, None]), DATE, "%Y%m%d").to_pylist() == [
        dt.date(2013, 12, 31),
        None,
        None,
    ]
    assert dates(pa.array([1.5]), MOMENT, "epoch_s").to_pylist() == [dt.datetime(1970, 1, 1, 0, 0, 1, 500_000)]
    assert dates(pa.array([2**62]), MOMENT, "epoch_s").to_pylist() == [None]


def test_times_of_day() -> None:
    found = times(texts("9:30", "23:59:59.5", "9:30 pm", "12:00 AM", "12:00 pm", "24:00", "9:60", "13:00 pm", None))
    assert seconds(found).to_pylist() == [34_200, 86_399.5, 77_400, 0, 43_200, None, None, None, None]


def test_durations() -> None:
    found = durations(
        texts("1:23:45", "2 days 01:02:03", "PT2H", "P1DT1.5S", "-0:30", "P2W", "P", "1:60:00", "x", None)
    )
    assert seconds(found).to_pylist() == [5_025, 176_523, 7_200, 86_401.5, -1_800, 1_209_600, None, None, None, None]


def test_lists() -> None:
    cells = texts("a; b;", "", None, "['x'; \"y\"]", ";")
    assert listed(cells, ";", pa.list_(pa.string())).to_pylist() == [["a", "b"], [], None, ["x", "y"], []]
    assert listed(texts("1,2", "1,x"), ",", pa.list_(pa.int64())).to_pylist() == [[1, 2], None]


@pytest.mark.parametrize(
    ("cells", "written", "other"),
    [
        (["31/12/2013", "01/02/2013"], "%d/%m/%Y", ""),
        (["12/31/2013", "01/02/2013"], "%m/%d/%Y", ""),
        (["02/03/2013", "04/05/2013"], "%m/%d/%Y", "%d/%m/%Y"),  # nothing tells: a slash is month first
        (["02.03.2013", "04.05.2013"], "%d.%m.%Y", "%m.%d.%Y"),
        (["01/02/2013", "01/03/2013"], "%d/%m/%Y", "%m/%d/%Y"),  # the first of every month
        (["02/01/2013", "03/01/2013"], "%m/%d/%Y", "%d/%m/%Y"),
        (["31/12/2013", "12/31/2013"], "", ""),  # in both notations
    ],
)
def test_day_first_or_month_first(cells: list[str], written: str, other: str) -> None:
    forms = TypeCandidates()
    for cell in cells:  # as it may be cut into batches
        count_type_candidates(texts(cell), forms)
    assert forms.date_format == (written, other)
    assert chosen(forms.formats, len(cells)) == (written, other)
