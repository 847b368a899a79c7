"""Parts of the calendar of days and moments, by arithmetic on integers alone: the same lines for NumPy and TensorFlow.

Days and microseconds count from 1970-01-01 (UTC), in the proleptic Gregorian calendar. `//` and `%` round towards
minus infinity in both libraries, so that moments before 1970 need no case of their own. The way from days to dates is
that of Howard Hinnant, "chrono-compatible low-level date algorithms".
"""

from collections.abc import Callable
from typing import Any

DAY = 86_400_000_000
"""Microseconds of a day."""
HOUR = 3_600_000_000

DATE, MOMENT = "date", "timestamp"
"""Units: days, microseconds. Called as the types of columns are, see arrow_example_gen/columns.py."""
MISSING = -(2**63)
"""Of int64: no value."""

Numbers = Any
"""int64 of any shape: a NumPy array or a tensor."""


def split(values: Numbers, unit: str) -> tuple[Numbers, Numbers]:
    """Days, and microseconds of the day in [0, DAY), both int64."""
    return (values, values * 0) if unit == DATE else (values // DAY, values % DAY)


def civil(days: Numbers, where: Callable[..., Any]) -> tuple[Numbers, Numbers, Numbers]:
    """Month (1 to 12), day of the month (1 to 31) and day of the year (1 to 366), int64.

    `where` is numpy.where or tf.where.
    """
    since = days + 719_468  # 0000-03-01: a year that begins in March has its leap day at the end
    era = since // 146_097
    of_era = since - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * of_year + 2) // 153
    day = of_year - (153 * from_march + 2) // 5 + 1
    is_spring_on = from_march < 10
    month = where(is_spring_on, from_march + 3, from_march - 9)
    year = year_of_era  # of the era; the month decides only for January and February, which are of the next one
    one, none = days * 0 + 1, days * 0
    leap = where((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)), one, none)
    return month, day, where(is_spring_on, of_year + 60 + leap, of_year - 305)


def weekday(days: Numbers) -> Numbers:
    """0 is Monday, 6 is Sunday; int64."""
    return (days + 3) % 7
