"""Detects the date format of a column, other than ISO 8601, from counts over all rows.

31/12/2013 is day first, 12/31/2013 month first, and 01/02/2013 is ambiguous. If all rows are ambiguous, a number that
is always 1 is taken for the day (first of each month); otherwise a dot or dash means day first, a slash month first.
"""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.table_reading.cells.time_parsing import dates

_MONTHS = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = (
    r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{4}|\d{2}[./-]\d{2}[./-]\d{2}|\d{4}[./-]\d{1,2}[./-]\d{1,2}"
    rf"|\d{{1,2}}[ -]{_MONTHS}[ -](?:\d{{4}}|\d{{2}})|{_MONTHS} \d{{1,2}},? \d{{4}})"
)
_TIME = r"[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?[ap]m)?"
DATED = rf"^(?i:{_DATE}(?:{_TIME})?)$"
"""Pattern of texts that may be dates or timestamps in a format other than ISO 8601."""
_CUT = rf"^(?i:(?P<date>{_DATE})(?P<time>{_TIME})?)$"
_DATES = (
    *(f"%d{mark}%m{mark}%{year}" for year in "Yy" for mark in "./-"),
    *(f"%m{mark}%d{mark}%{year}" for year in "Yy" for mark in "./-"),
    *(f"%Y{mark}%m{mark}%d" for mark in "/.-"),
    *(f"%y{mark}%m{mark}%d" for mark in "/.-"),
    *(f"%d{mark}%b{mark}%{year}" for year in "Yy" for mark in " -"),
    "%b %d, %Y",
    "%b %d %Y",
)
_TIMES = (
    (r"^$", ""),
    (r"(?i)^ \d{1,2}:\d{2}$", " %H:%M"),
    (r"(?i)^ \d{1,2}:\d{2}:\d{2}$", " %H:%M:%S"),
    (r"(?i)^ \d{1,2}:\d{2}:\d{2}\.\d+$", " %H:%M:%S.%f"),
    (r"(?i)^T\d{1,2}:\d{2}$", "T%H:%M"),
    (r"(?i)^T\d{1,2}:\d{2}:\d{2}$", "T%H:%M:%S"),
    (r"(?i)^ \d{1,2}:\d{2} [ap]m$", " %I:%M %p"),
    (r"(?i)^ \d{1,2}:\d{2}:\d{2} [ap]m$", " %I:%M:%S %p"),
    (r"(?i)^ \d{1,2}:\d{2}[ap]m$", " %I:%M%p"),
)
FIRST_MOVES, SECOND_MOVES = "?first", "?second"
"""Keys in the counts of formats: values whose first (second) number is not 1."""
IMPOSSIBLE = "?impossible"
"""Key in the counts of formats: values that are not a date in any format, such as 31.02.2013."""
YEAR_FIRST, YEAR_LAST = "?year first ", "?year last "
"""Prefixes of keys in the counts of formats, before two digits: values that begin (end) with this two-digit year."""
LATEST = 2068
"""Default latest year that a two-digit year can mean, as in POSIX: 68 is 2068, 69 is 1969."""
FUTURE = 20
"""Years: if two-digit years reach further into the future than this, the previous century is considered."""


def count_notations(values: pa.StringArray, rows: np.ndarray) -> Counter[str]:
    """Counts the rows that fit each date format.

    Args:
      values: Distinct values that match DATED, strings [N].
      rows: Number of rows with each value, [N].

    Returns:
      strptime format -> rows that fit it, and the keys FIRST_MOVES to YEAR_LAST defined above -> rows.
    """
    found: Counter[str] = Counter()
    parts = pc.extract_regex(values, _CUT)
    days, times = pc.struct_field(parts, "date"), pc.fill_null(pc.struct_field(parts, "time"), "")
    possible = np.zeros(len(values), bool)
    at = [pc.match_substring_regex(times, pattern).to_numpy(zero_copy_only=False) for pattern, _ in _TIMES]
    for written in _formats_of(days):
        legal = dates(_narrowed(days, written), pa.date32(), written).is_valid().to_numpy(zero_copy_only=False)
        if not legal.any():
            continue
        possible |= legal
        for (_, time), here in zip(_TIMES, at, strict=True):
            if count := int(rows[legal & here].sum()):
                found[written + time] += count
    found[IMPOSSIBLE] += int(rows[~possible].sum())
    for name, pattern in ((YEAR_FIRST, r"^(?P<y>\d{2})[./-]\d{1,2}[./-]\d{1,2}$"), (YEAR_LAST, r"\D(?P<y>\d{2})$")):
        years = pc.struct_field(pc.extract_regex(days, pattern), "y")
        there = years.is_valid().to_numpy(zero_copy_only=False) & possible
        if there.any():
            numbers = years.filter(pa.array(there)).cast(pa.int64()).to_numpy(zero_copy_only=False)
            for year, count in enumerate(np.bincount(numbers, rows[there])):
                found[f"{name}{year:02}"] += int(count)
    for name, pattern in ((FIRST_MOVES, r"^0?1\D"), (SECOND_MOVES, r"^\d+\D0?1\D")):
        found[name] += int(rows[~pc.match_substring_regex(days, pattern).to_numpy(zero_copy_only=False)].sum())
    return +found


def is_date_of_any(values: pa.StringArray) -> np.ndarray:
    """Whether values that match DATED are existing dates in any format, bool [N]; false for 31.02.2013."""
    days = pc.struct_field(pc.extract_regex(values, _CUT), "date")
    found = np.zeros(len(values), bool)
    for written in _formats_of(days):
        found |= dates(_narrowed(days, written), pa.date32(), written).is_valid().to_numpy(zero_copy_only=False)
    return found


def is_sure(counts: Counter[str], found: tuple[str, str]) -> bool:
    """Whether the counts determine the format.

    Args:
      counts: Result of count_notations, over all rows.
      found: Result of `chosen`.

    Returns:
      True if no second format fits, or if exactly one of the first two numbers is 1 in all rows.
    """
    return not found[1] or bool(counts[FIRST_MOVES]) != bool(counts[SECOND_MOVES])


def _formats_of(days: pa.StringArray) -> list[str]:
    """The formats whose separator and length of year some value has: trying the others would be slow."""
    months = pc.any(pc.match_substring_regex(days, r"[A-Za-z]")).as_py()
    marks = {mark for mark in "./- " if pc.any(pc.match_substring(days, mark)).as_py()}
    long = pc.any(pc.match_substring_regex(days, r"\d{4}")).as_py()
    return [
        written
        for written in _DATES
        if written[2] in marks and (months or "%b" not in written) and (long or "%Y" not in written)
    ]


def _narrowed(days: pa.StringArray, written: str) -> pa.StringArray:
    """Replaces dates whose year has another number of digits than the format by null; %Y would accept 13 as year 13."""
    four = r"\d{4}$" if written.endswith("%Y") else r"^\d{4}" if written.startswith("%Y") else r"\D\d{2}$"
    return pc.if_else(pc.match_substring_regex(days, four), days, pa.scalar(None, pa.string()))


def chosen(counts: Counter[str], least: float) -> tuple[str, str]:
    """Chooses the date format of a column.

    Args:
      counts: Result of count_notations, over all rows.
      least: Minimum number of rows that must fit the format.

    Returns:
      The format, and a second one that fits the same number of rows; "" for none.
    """
    fits = [written for written in counts if written[0] == "%" and counts[written] >= least]
    if not fits:
        return "", ""
    most = max(counts[written] for written in fits)
    fits = [written for written in fits if counts[written] == most]
    if len(fits) == 1:
        return fits[0], ""
    day_first = next((written for written in fits if written.startswith("%d")), fits[0])
    month_first = next((written for written in fits if written.startswith("%m")), day_first)
    first, second = counts[FIRST_MOVES], counts[SECOND_MOVES]
    prefers_day = "/" not in day_first if bool(first) == bool(second) else not first
    found = day_first if prefers_day else month_first
    other = month_first if prefers_day else day_first
    if other == found:  # 20-01-31: the 20th, or the year 2020
        other = next((written for written in fits if written.startswith("%y")), found)
    return found, other if other != found else ""


def years_of(counts: Counter[str], written: str, latest: int = LATEST) -> tuple[int, int] | None:
    """The first and last year of a column's dates, for a format with two-digit years.

    Args:
      counts: Result of count_notations, over all rows.
      written: The format.
      latest: Latest year that a two-digit year can mean.

    Returns:
      (first, last); None for other formats and without dates.
    """
    if "%y" not in written:
        return None
    place = YEAR_FIRST if written.startswith("%y") else YEAR_LAST
    digits = [int(name.removeprefix(place)) for name, rows in counts.items() if name.startswith(place) and rows]
    years = [latest - (latest - year) % 100 for year in digits]
    return (min(years), max(years)) if years else None


def latest_year(counts: Counter[str], written: str, now: int) -> int:
    """Chooses the latest year that two-digit years of a column can mean: LATEST or `now`.

    `now` is chosen if LATEST would date values more than FUTURE years ahead and the range of years is not wider with
    `now`: birth years 30 to 10 are then 1930 to 2010, not 1969 to 2068.

    Args:
      counts: Result of count_notations, over all rows.
      written: The format.
      now: The current year.
    """
    usual, past = years_of(counts, written), years_of(counts, written, now)
    if usual is None or past is None or usual[1] <= now + FUTURE:
        return LATEST
    return now if past[1] - past[0] <= usual[1] - usual[0] else LATEST


def has_time(written: str) -> bool:
    """Whether a format has a time of day, so that its values are timestamps."""
    return "%M" in written or "%H" in written or written.startswith("epoch")
