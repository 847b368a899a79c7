"""Which notations the dates of a column may be in, besides ISO 8601: counted, so that all rows together decide.

31/12/2013 is day first, 12/31/2013 month first, and 01/02/2013 either. What the rows leave open is told by what stays
the same (the first of every month), else a dot or a dash says day first and a slash month first.
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
"""What may be a date."""
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
"""Among the counts of formats: values whose first, whose second number is not 1."""
IMPOSSIBLE = "?impossible"
"""Among the counts of formats: values that are no date by any format, as 31.02.2013."""
YEAR_FIRST, YEAR_LAST = "?year first ", "?year last "
"""Among the counts of formats, with two digits behind: values that begin, that end with this year of two digits."""
LATEST = 2068
"""The latest year that two digits mean where nothing else is said, as POSIX has it: 68 is 2068, 69 is 1969."""
FUTURE = 20
"""Dates of two-digit years that lie more years ahead raise the question whether they are of the century before."""


def count_notations(values: pa.StringArray, rows: np.ndarray) -> Counter[str]:
    """Format -> rows whose value is a date by it, of distinct values [N] that match DATED, with their rows [N]."""
    found: Counter[str] = Counter()
    parts = pc.extract_regex(values, _CUT)
    days, times = pc.struct_field(parts, "date"), pc.fill_null(pc.struct_field(parts, "time"), "")
    possible = np.zeros(len(values), bool)
    at = [pc.match_substring_regex(times, pattern).to_numpy(zero_copy_only=False) for pattern, _ in _TIMES]
    for written in _DATES:
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
    """Whether values that match DATED are dates by any format, bool [N]: 31.02.2013 is none."""
    days = pc.struct_field(pc.extract_regex(values, _CUT), "date")
    found = np.zeros(len(values), bool)
    for written in _DATES:
        found |= dates(_narrowed(days, written), pa.date32(), written).is_valid().to_numpy(zero_copy_only=False)
    return found


def is_sure(counts: Counter[str], found: tuple[str, str]) -> bool:
    """Whether the rows speak for the first of two formats: no other fits, or one number alone stays 1 throughout."""
    return not found[1] or bool(counts[FIRST_MOVES]) != bool(counts[SECOND_MOVES])


def _narrowed(days: pa.StringArray, written: str) -> pa.StringArray:
    """Without those of another length of year: strptime takes 13 for the year 13."""
    four = r"\d{4}$" if written.endswith("%Y") else r"^\d{4}" if written.startswith("%Y") else r"\D\d{2}$"
    return pc.if_else(pc.match_substring_regex(days, four), days, pa.scalar(None, pa.string()))


def chosen(counts: Counter[str], least: float) -> tuple[str, str]:
    """The format that at least `least` of the rows have, and another that they have as well ("" if none has).

    Args:
      counts: Of count_notations, over all rows.
      least: Rows.
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
    if other == found:  # 20-01-31 is the 20th, or of the year 2020
        other = next((written for written in fits if written.startswith("%y")), found)
    return found, other if other != found else ""


def years_of(counts: Counter[str], written: str, latest: int = LATEST) -> tuple[int, int] | None:
    """The first and the last year of a column's dates by a format with two-digit years; None for other formats.

    Args:
      counts: Of count_notations, over all rows.
      written: The format.
      latest: The latest year that two digits may mean.
    """
    if "%y" not in written:
        return None
    place = YEAR_FIRST if written.startswith("%y") else YEAR_LAST
    digits = [int(name.removeprefix(place)) for name, rows in counts.items() if name.startswith(place) and rows]
    years = [latest - (latest - year) % 100 for year in digits]
    return (min(years), max(years)) if years else None


def latest_year(counts: Counter[str], written: str, now: int) -> int:
    """The latest year that two digits mean in a column: LATEST, or `now` where that is the likelier reading.

    That is where LATEST puts dates more than FUTURE years ahead, and they span no fewer years so than with `now`:
    births of 1930 to 2010 are not births of 1969 to 2068.
    """
    usual, past = years_of(counts, written), years_of(counts, written, now)
    if usual is None or past is None or usual[1] <= now + FUTURE:
        return LATEST
    return now if past[1] - past[0] <= usual[1] - usual[0] else LATEST


def has_time(written: str) -> bool:
    """Whether a format is one of moments."""
    return "%M" in written or "%H" in written or written.startswith("epoch")
