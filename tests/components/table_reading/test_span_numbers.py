import datetime as dt

import pytest

from components.shared.errors import InputError
from components.table_reading.span_numbers import are_spans, numbered, text_of


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["1", "02", "010"], [1, 2, 10]),
        (["1970-01", "1970-12", "1971-01"], [197001, 197012, 197101]),
        (["2024-01-01", "2024-02-01"], [202401, 202402]),
        (["1970-01-01", "1970-01-08", "1971-01-07"], [197001, 197002, 197101]),  # Thursdays
        (["1970-01-02", "1970-01-03"], [19700102, 19700103]),
    ],
)
def test_numbers(values, numbers):
    assert [one.span for one in numbered(values, "x").values()] == numbers


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["1970-01", "1970-12", "1971-01"], [1, 12, 13]),
        (["2024-01-01", "2024-02-01"], [649, 650]),  # 54 years and a month
        (["1970-01-01", "1970-01-08", "1970-01-15"], [0, 1, 2]),
        (["1970-01-02", "1970-01-03"], [1, 2]),
    ],
)
def test_counts(values, numbers):
    assert [one.counted for one in numbered(values, "x").values()] == numbers


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "red"], "x: 'red' is neither a span number nor a date"),
        (["1", "2024-01"], "x: '2024-01' is not a span number like the others"),
        (["2024-02-30"], "x: '2024-02-30' is not a valid date of a span"),
        (["2024-13"], "x: '2024-13-01' is not a valid date of a span"),
    ],
)
def test_refused(values, message):
    with pytest.raises(InputError, match=message):
        numbered(values, "x")


def test_series():
    assert are_spans(["09", "10", "11"])
    assert are_spans(["2023-12", "2024-01"])
    assert not are_spans(["1", "3"])
    assert not are_spans(["1"])
    assert not are_spans(["a", "b"])


def test_texts():
    assert text_of(dt.datetime(2024, 1, 1)) == "2024-01-01"
    assert text_of(dt.datetime(2024, 1, 1, 2)) == "2024-01-01 02:00:00"
    assert text_of(dt.date(2024, 1, 1)) == "2024-01-01"
    assert text_of(3) == "3"
