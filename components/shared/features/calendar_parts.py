"""Calendar arithmetic on integers, with the same code for NumPy and TensorFlow.

Days and microseconds count from 1970-01-01 (UTC), in the proleptic Gregorian calendar. `//` and `%` round towards
minus infinity in both libraries, so that times before 1970 need no special case. The conversion of days to dates is
that of Howard Hinnant, "chrono-compatible low-level date algorithms".
"""

from collections.abc import Callable
from typing import Any

DAY = 86_400_000_000
"""Microseconds per day."""
HOUR = 3_600_000_000

DATE, MOMENT = "date", "timestamp"
"""Units: days, microseconds. The names are those of column types, see table_reading/column_types.py."""
MISSING = -(2**63)
"""The int64 that encodes a missing value."""

Numbers = Any
"""Int64 of any shape: a NumPy array or a tensor."""


def split(values: Numbers, unit: str) -> tuple[Numbers, Numbers]:
    """Splits values into days and microseconds of the day in [0, DAY), both int64."""
    return (values, values * 0) if unit == DATE else (values // DAY, values % DAY)


def civil(days: Numbers, where: Callable[..., Any]) -> tuple[Numbers, Numbers, Numbers]:
    """Returns month (1 to 12), day of the month (1 to 31) and day of the year (1 to 366), int64.

    `where` is numpy.where or tf.where.
    """
    since = days + 719_468  # since 0000-03-01: in a year from March, the leap day is the last day
    era = since // 146_097
    of_era = since - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * of_year + 2) // 153
    day = of_year - (153 * from_march + 2) // 5 + 1
    is_spring_on = from_march < 10
    month = where(is_spring_on, from_march + 3, from_march - 9)
    year = year_of_era  # year within the era; only January and February belong to the next calendar year
    one, none = days * 0 + 1, days * 0
    leap = where((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)), one, none)
    return month, day, where(is_spring_on, of_year + 60 + leap, of_year - 305)


def weekday(days: Numbers) -> Numbers:
    """Returns the day of the week, 0 (Monday) to 6 (Sunday), int64."""
    return (days + 3) % 7
