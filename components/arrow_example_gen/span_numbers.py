"""Numbers of spans that are named by a number or by a date: a run's window goes by numbers that follow each other."""

import re
from collections.abc import Iterable
from datetime import date, datetime

from components.arrow_example_gen.misfits import one_line
from components.errors import InputError

EPOCH = date(1970, 1, 1)
_MONTH = re.compile(r"(\d{4})-(\d\d)")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


def numbered(values: Iterable[str], where: str) -> dict[str, int]:
    """Value -> number of the span.

    A number is itself, leading zeros or not. Dates are counted from 1970: `2024-03` and the firsts of months in months
    (January 1970 is 1), dates of one weekday in weeks, others in days.

    Args:
      values: What stands where `{span}` is.
      where: For messages.

    Raises:
      InputError: A value is neither, or there are numbers and dates.
    """
    found = list(values)
    if all(value.isdecimal() for value in found):
        return {value: int(value) for value in found}
    if all(_MONTH.fullmatch(value) for value in found):
        return {value: _months(_day(f"{value}-01", where)) for value in found}
    if all(_DATE.match(value) for value in found):
        days = {value: _day(value[:10], where) for value in found}
        if all(day.day == 1 for day in days.values()):
            return {value: _months(day) for value, day in days.items()}
        unit = 7 if len(days) > 1 and len({day.weekday() for day in days.values()}) == 1 else 1
        return {value: (day - EPOCH).days // unit for value, day in days.items()}
    odd = next(value for value in found if not value.isdecimal())
    raise InputError(
        f"{where}: '{one_line(odd)}' stands where the number of a span is expected; spans are named by a number, or "
        "all by a date, as 2024-03 or 2024-03-31"
    )


def are_spans(values: Iterable[str]) -> bool:
    """Whether values are at least two numbers, or dates, without a gap."""
    try:
        numbers = sorted(numbered(values, "").values())
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


def _months(day: date) -> int:
    return (day.year - EPOCH.year) * 12 + day.month
