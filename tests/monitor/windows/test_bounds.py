from datetime import datetime, timedelta, timezone

import pytest

from monitor.windows.bounds import Bounds, aligned, closed_numbers, window_at, without_long_gaps
from monitor.windows.settings import WindowSettings, duration

NOON = datetime(2026, 11, 29, 12, 34, tzinfo=timezone.utc)  # a Sunday
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("every", "start"),
    [
        ("1d", "2026-11-29T00:00:00+00:00"),
        ("6h", "2026-11-29T12:00:00+00:00"),
        ("30min", "2026-11-29T12:30:00+00:00"),
        ("1w", "2026-11-23T00:00:00+00:00"),
        ("1.5h", "2026-11-29T12:00:00+00:00"),
    ],
)
def test_windows_are_aligned_to_midnight_and_weeks_to_monday(every: str, start: str):
    assert aligned(NOON, duration(every)).isoformat() == start


@pytest.mark.parametrize("text", ["", "1", "1 day", "d", "-1d", "1m", "1d 2h"])
def test_another_duration_is_refused_with_the_units(text: str):
    with pytest.raises(
        ValueError, match="is no duration; give a number with a unit: s, min, h, d, w, such as 6h or 1d"
    ):
        duration(text)


def test_windows_of_no_length_are_refused():
    with pytest.raises(ValueError, match="either `every` or `rows`"):
        WindowSettings(every=None)
    with pytest.raises(ValueError, match="either `every` or `rows`"):
        WindowSettings(rows=10)
    with pytest.raises(ValueError, match="at least 1s"):
        WindowSettings(every=timedelta(milliseconds=1))


def test_a_window_is_closed_when_its_end_is_reached():
    origin = aligned(NOON, DAY)
    assert list(closed_numbers(origin, DAY, 0, origin + 3 * DAY)) == [1, 2, 3]
    assert list(closed_numbers(origin, DAY, 2, origin + 3 * DAY - timedelta(seconds=1))) == []
    assert window_at(3, origin, DAY) == Bounds(3, origin + 2 * DAY, origin + 3 * DAY)


def test_long_runs_of_empty_windows_are_left_out_and_short_ones_are_windows():
    assert without_long_gaps(range(1, 7), {1, 4}, 2) == ([1, 2, 3, 4, 5, 6], 0)
    assert without_long_gaps(range(1, 101), {1, 2, 99}, 2) == ([1, 2, 99, 100], 96)
    assert without_long_gaps(range(5, 5), {1}, 2) == ([], 0)
    assert without_long_gaps(range(10, 13), set(), 2) == ([10, 11, 12], 0)
