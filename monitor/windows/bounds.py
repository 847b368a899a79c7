"""Bounds of windows by time: aligned, numbered from the first row, closed once the event clock has passed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MONDAY = datetime(1970, 1, 5, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Bounds:
    """A window's number, from 1, and its rows' event times: [start, end), UTC."""

    number: int
    start: datetime
    end: datetime


def aligned(moment: datetime, every: timedelta) -> datetime:
    """Returns the latest multiple of `every` that is not after a moment: midnights UTC for days, Mondays for weeks."""
    origin = _MONDAY if every % timedelta(weeks=1) == timedelta(0) else EPOCH
    return origin + (moment - origin) // every * every


def window_at(number: int, origin: datetime, every: timedelta) -> Bounds:
    """Returns a window by its number; window 1 begins at `origin`."""
    return Bounds(number, origin + (number - 1) * every, origin + number * every)


def closed_numbers(origin: datetime, every: timedelta, after: int, until: datetime) -> range:
    """Returns the numbers of the windows after window `after` that end at or before `until`."""
    return range(after + 1, (until - origin) // every + 1)


def without_long_gaps(numbers: range, occupied: Collection[int], most: int) -> tuple[list[int], int]:
    """Leaves out runs of more than `most` windows without rows; returns the rest, and how many were left out."""
    kept: list[int] = []
    left_out = 0
    for number in sorted({*(one for one in occupied if one in numbers), numbers.stop - 1}) if numbers else []:
        first = (kept[-1] if kept else numbers.start - 1) + 1
        empty = list(range(first, number)) if number - first <= most else []
        left_out += number - first - len(empty)
        kept += [*empty, number]
    return kept, left_out
