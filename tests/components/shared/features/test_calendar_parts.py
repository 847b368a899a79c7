"""Calendar arithmetic: worked by hand, compared with Python's calendar, and the same in TensorFlow."""

import datetime

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.features.calendar_parts import DATE, DAY, MISSING, MOMENT, civil, split, weekday
from components.shared.features.derived_features import AGE, PARTS, Derived, of_dates, part_of

BY_HAND = [  # days since 1970-01-01, month, day, day of the year, weekday (0 is Monday)
    (0, 1, 1, 1, 3),  # 1970-01-01, a Thursday
    (-1, 12, 31, 365, 2),  # 1969-12-31
    (11_016, 2, 29, 60, 1),  # 2000-02-29, a leap year although divisible by 100
    (11_017, 3, 1, 61, 2),  # 2000-03-01
    (-25_509, 2, 28, 59, 2),  # 1900-02-28, a Wednesday
    (-25_508, 3, 1, 60, 3),  # 1900-03-01: no leap year
    (19_723, 1, 1, 1, 0),  # 2024-01-01, a Monday
    (20_088, 12, 31, 366, 1),  # 2024-12-31, the end of a leap year
    (-719_162, 1, 1, 1, 0),  # 0001-01-01
]


@pytest.mark.parametrize(("days", "month", "day", "of_year", "of_week"), BY_HAND)
def test_days_worked_by_hand(days: int, month: int, day: int, of_year: int, of_week: int) -> None:
    numbers = np.array([days], np.int64)
    assert [int(part[0]) for part in civil(numbers, np.where)] == [month, day, of_year]
    assert int(weekday(numbers)[0]) == of_week


@given(st.dates())
def test_results_equal_pythons_calendar(date: datetime.date) -> None:
    days = np.array([(date - datetime.date(1970, 1, 1)).days], np.int64)
    month, day, of_year = civil(days, np.where)
    assert (month[0], day[0], of_year[0]) == (date.month, date.day, date.timetuple().tm_yday)
    assert weekday(days)[0] == date.weekday()


def test_time_before_1970_belongs_to_the_right_day() -> None:
    day, micro = split(np.array([-1, -DAY, 0, DAY - 1], np.int64), MOMENT)
    assert day.tolist() == [-1, -1, 0, 0]
    assert micro.tolist() == [DAY - 1, 0, 0, DAY - 1]


any_day = st.integers(-(2**31), 2**31 - 1) | st.just(MISSING)
any_moment = st.integers(-(2**62), 2**62) | st.just(MISSING)


@settings(deadline=None, max_examples=30)  # TensorFlow loads its kernels
@given(st.lists(any_day, min_size=1, max_size=20), st.lists(any_moment, min_size=1, max_size=20))
def test_tensorflow_computes_the_same(days: list[int], moments: list[int]) -> None:
    rows = min(len(days), len(moments))
    columns = {DATE: np.array(days[:rows], np.int64), MOMENT: np.array(moments[:rows], np.int64)}
    meant = [Derived("x", part, unit) for part in PARTS for unit in columns]
    meant += [Derived("x", AGE, unit, "y", other) for unit in columns for other in columns]
    for one in meant:
        times = columns[one.time_unit] if one.time else None
        found = of_dates(one, columns[one.unit], times)
        graph = part_of(
            one,
            tf.constant(columns[one.unit]),
            None if times is None else tf.constant(times),
            tf.where,
            lambda numbers, kind: tf.cast(numbers, tf.as_dtype(kind)),
        ).numpy()
        assert found.dtype == graph.dtype == np.float32
        assert found.tobytes() == graph.tobytes() or np.array_equal(found, graph, equal_nan=True), one
        assert np.isnan(found[columns[one.unit] == MISSING]).all()


def test_ages_are_days_before_the_rows_own_time() -> None:
    noon = DAY // 2
    moments, days = np.array([10 * DAY + noon, MISSING], np.int64), np.array([10, 3], np.int64)
    assert of_dates(Derived("x", AGE, DATE, "t", MOMENT), days, moments)[0] == 0.5
    assert of_dates(Derived("x", AGE, MOMENT, "t", DATE), moments, days)[0] == -0.5
    assert of_dates(Derived("x", AGE, DATE, "t", DATE), np.array([-5]), np.array([20])).tolist() == [25]
    assert np.isnan(of_dates(Derived("x", AGE, DATE, "t", MOMENT), days, moments)[1])
