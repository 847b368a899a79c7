"""Numbers of spans that are named by a number or by a date: a run's window goes by numbers that follow each other.

A date's number is that of its period, as `span_by` has it (periods.py): 202403 is March 2024, 202413 the 13th ISO week,
20240331 a day. Periods follow each other where their count from 1970 does: 651 is March 2024, and still understood.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from components.shared.errors import InputError
from components.table_reading.cells.type_errors import one_line

EPOCH = date(1970, 1, 1)
_MONTH = re.compile(r"(\d{4})-(\d\d)")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


@dataclass(frozen=True)
class Numbered:
    """Number of a span.

    Attributes:
      span: The number that a person is shown.
      counted: The number that is one more than that of the span before.
    """

    span: int
    counted: int


def numbered(values: Iterable[str], where: str) -> dict[str, Numbered]:
    """Value -> number of the span.

    A number is itself, leading zeros or not. `2024-03` and the firsts of months are months, dates of one weekday weeks,
    others days; these are counted from January 1970, which is 1, the week and the day of 1970-01-01, which are 0.

    Args:
      values: What stands where `{span}` is.
      where: For messages.

    Raises:
      InputError: A value is neither, or there are numbers and dates.
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
    raise InputError(
        f"{where}: '{one_line(odd)}' stands where the number of a span is expected; spans are named by a number, or "
        "all by a date, as 2024-03 or 2024-03-31"
    )


def are_spans(values: Iterable[str]) -> bool:
    """Whether values are at least two numbers, or dates, without a gap."""
    try:
        numbers = sorted(number.counted for number in numbered(values, "").values())
    except InputError:
        return False
    return len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def text_of(value: object) -> str:
    """A number or date as a database gives it, as text."""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def _day(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise InputError(f"{where}: '{one_line(text)}', where a span's date is expected, is no date") from exc


def _month(day: date) -> Numbered:
    return Numbered(day.year * 100 + day.month, (day.year - EPOCH.year) * 12 + day.month)


def _week(day: date) -> Numbered:
    year, week, _ = day.isocalendar()
    return Numbered(year * 100 + week, (day - EPOCH).days // 7)
