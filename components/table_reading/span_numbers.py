"""Derives span numbers from names that are numbers or dates.

A date becomes the number of its period, as in calendar_periods.py: 202403 is March 2024, 202413 the 13th ISO week of
2024, 20240331 a day. These numbers have gaps (202312 to 202401), so the window is selected by position: the count of
periods from 1970. March 2024 has the position 651, which the command line also accepts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import shorten

EPOCH = date(1970, 1, 1)
_MONTH = re.compile(r"(\d{4})-(\d\d)")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


@dataclass(frozen=True)
class Numbered:
    """The number of a span.

    Attributes:
      span: Number for users: as written, or derived from the date.
      counted: Position: consecutive for consecutive spans.
    """

    span: int
    counted: int


def numbered(values: Iterable[str], where: str) -> dict[str, Numbered]:
    """Derives the span number of each value.

    Numbers are used unchanged, without leading zeros. Dates such as `2024-03`, or only first days of months, are
    months; dates that share a weekday are weeks; other dates are days. Positions count months from January 1970, which
    is 1; weeks and days from 1970-01-01, which is 0.

    Args:
      values: The texts at the placeholder `{span}`.
      where: Prefix of messages, such as the folder.

    Returns:
      Value -> span number.

    Raises:
      InputError: A value is neither a number nor a date, or numbers and dates are mixed.
    """
    found = list(values)
    if all(value.isdecimal() for value in found):
        return {value: Numbered(int(value), int(value)) for value in found}
    if all(_MONTH.fullmatch(value) for value in found):
        return {value: _month(_day(f"{value}-01", where)) for value in found}
    if all(_DATE.match(value) for value in found):
        days = {value: _day(value[:10], where) for value in found}
        if all(day.day == 1 for day in days.values()):
            return {value: _month(day) for value, day in days.items()}
        if len(days) > 1 and len({day.weekday() for day in days.values()}) == 1:
            return {value: _week(day) for value, day in days.items()}
        return {
            value: Numbered((day.year * 100 + day.month) * 100 + day.day, (day - EPOCH).days)
            for value, day in days.items()
        }
    odd = next(value for value in found if not value.isdecimal())
    advice = "name all spans by a number, or all by a date such as 2024-03 or 2024-03-31"
    if _MONTH.fullmatch(odd) or _DATE.match(odd):
        raise InputError(f"{where}: '{shorten(odd)}' is not a span number like the others; {advice}")
    raise InputError(f"{where}: '{shorten(odd)}' is neither a span number nor a date; {advice}")


def are_spans(values: Iterable[str]) -> bool:
    """Whether values are at least two consecutive numbers or dates."""
    try:
        numbers = sorted(number.counted for number in numbered(values, "").values())
    except InputError:
        return False
    return len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def text_of(value: object) -> str:
    """Formats a number, date or datetime of a database as text; a datetime at midnight as a date."""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def _day(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise InputError(f"{where}: '{shorten(text)}' is not a valid date of a span") from exc


def _month(day: date) -> Numbered:
    return Numbered(day.year * 100 + day.month, (day.year - EPOCH.year) * 12 + day.month)


def _week(day: date) -> Numbered:
    year, week, _ = day.isocalendar()
    return Numbered(year * 100 + week, (day - EPOCH).days // 7)
