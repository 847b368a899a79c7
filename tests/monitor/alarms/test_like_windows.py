"""Like windows: means by hand, and which of them are compared."""

from datetime import datetime, timedelta, timezone

import pytest

from monitor.alarms.like_windows import ALL, expected, keys, learn
from monitor.window import Window


def at(start, length=timedelta(days=1)):
    return Window(1, start, start + length, 10, 10, 0, {1: 10})


MONDAY = datetime(2026, 1, 5, tzinfo=timezone.utc)


def test_keys():
    assert [kind for kind, _ in keys(at(MONDAY, timedelta(hours=1)))] == ["last", "week", "hour", ALL]
    assert keys(at(MONDAY)) == [("last", "2025-1d0"), ("day", "d0"), (ALL, ALL)]
    assert keys(at(MONDAY, timedelta(days=31))) == [("last", "2025-1"), (ALL, ALL)]


def test_means_by_hand():
    groups = {}
    for day, effect in enumerate((1.0, 3.0, 2.0)):
        learn(groups, at(MONDAY + timedelta(days=day)), effect, 4)
    # Distances from the mean before: |3 - 1| / sqrt(2) and |2 - 2| / sqrt(1.5).
    assert groups[ALL] == pytest.approx([3, 2.0, 2 / 2**0.5 / 2])
    found = expected(groups, at(MONDAY), 4)
    assert (found.mean, found.windows, found.like) == (2.0, 3, "all windows")
    assert found.score(3.0, 0.0) == pytest.approx(1.0 / (2**0.5 / 2) / (1 + 1 / 3) ** 0.5)


def test_a_day_of_the_week_is_used_where_it_predicts_better():
    seasonal, constant = {}, {}
    for day in range(49):
        window = at(MONDAY + timedelta(days=day))
        learn(seasonal, window, 1.0 if day % 7 == 0 else 0.1 * (day % 2), 4)
        learn(constant, window, 0.1 * (day % 2), 4)
    assert expected(seasonal, at(MONDAY + timedelta(days=49)), 4).like == "same day of the week"
    assert expected(seasonal, at(MONDAY + timedelta(days=49)), 4).mean == pytest.approx(1.0)
    assert expected(constant, at(MONDAY + timedelta(days=49)), 4).like == "all windows"


def test_the_month_of_last_year():
    groups = {}
    for month in range(24 + 8):
        start = datetime(2022 + month // 12, month % 12 + 1, 1, tzinfo=timezone.utc)
        learn(groups, at(start, timedelta(days=30)), float(month % 12), 4)
    found = expected(groups, at(datetime(2024, 9, 1, tzinfo=timezone.utc), timedelta(days=30)), 4)
    assert (found.mean, found.like) == (8.0, "same month of last year")
    assert not any(key.startswith("2022") for key in groups)  # older years are forgotten
