"""Splitting rows by a time column: calendar periods and newest rows."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arrow_example_gen.calendar_periods import Times, in_period, period_numbers
from components.shared.errors import InputError
from components.table_reading.spans import SpanFile, choose_periods


@given(st.dates(), st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_numbers_of_periods(date: dt.date, by: str) -> None:
    days = np.array([(date - dt.date(1970, 1, 1)).days])
    iso = date.isocalendar()
    wanted = {
        "day": date.year * 10_000 + date.month * 100 + date.day,
        "week": iso.year * 100 + iso.week,
        "month": date.year * 100 + date.month,
        "quarter": date.year * 10 + (date.month + 2) // 3,
        "year": date.year,
    }[by]
    assert period_numbers(days, "date", by).tolist() == [wanted]
    assert period_numbers(days * 86_400_000_000 + 86_399_999_999, "timestamp", by).tolist() == [wanted]


def test_rows_of_a_period() -> None:
    column = pa.array([dt.date(2013, 12, 31), None, dt.date(2014, 1, 1)])
    assert in_period(column, "date", "month", 201312).tolist() == [True, False, False]
    times = Times()
    times.add(column, "date", "month")
    assert dict(times.periods) == {201312: 1, 201401: 1}
    assert (times.missing, times.first) == (1, 1)


def test_the_newest_rows() -> None:
    times = Times()
    times.add(pa.array(pd.date_range("2024-01-01", periods=10).date), "date", "")
    newest = times.newest(0.2)
    assert newest == (dt.date(2024, 1, 9) - dt.date(1970, 1, 1)).days
    same = Times()
    same.add(pa.array([dt.date(2024, 1, 1)] * 5), "date", "")
    assert same.newest(0.2) is None
    few = Times()  # most rows have the newest time: they are eval, the others train
    few.add(pa.array([dt.date(2024, 1, 1)] + [dt.date(2024, 1, 2)] * 9), "date", "")
    assert few.newest(0.2) == (dt.date(2024, 1, 2) - dt.date(1970, 1, 1)).days


def spans(*numbers: int) -> list[SpanFile]:
    return [SpanFile(number, "f", "f", 1, 1) for number in numbers]


def test_windows_skip_periods_without_rows() -> None:
    window = choose_periods(spans(201311, 201312, 201402, 201403), None, 2, 1)
    assert [file.span for file in window.train] == [201312, 201402]
    assert [file.span for file in window.eval] == [201403]
    assert [(file.span, file.before) for file in window.extra] == [(201311, 1)]
    with pytest.raises(InputError, match="span 201401 does not exist"):
        choose_periods(spans(201311, 201312), 201401, 2)
    with pytest.raises(InputError, match="the oldest"):
        choose_periods(spans(201311, 201312), 201311, 2)
