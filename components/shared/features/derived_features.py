"""Columns that are derived from dates, timestamps and lists: their names and their computation.

The name of a derived column says how to compute it:

    arrival_date: month                     1 to 12
    arrival_date: weekday                   0 (Monday) to 6
    arrival_date: day of month              1 to 31
    arrival_date: day of year               1 to 366
    at: hour (UTC)                          0 to 24, with fractions; for timestamps only
    arrival_date: days before booked        days from this date to the row's own time
    tags: count                             number of values in the row's list; 0 if it has none
    tags: has red                           1 if the list contains this value, else 0
    scores: mean, scores: min, scores: max  statistics of a list of numbers

`(UTC)` marks columns of timestamps (microseconds) instead of dates (days). A raw column with such a name takes
precedence. Every derived column is float32, with NaN or null where its source has no value.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from components.shared.features.calendar_parts import DATE, DAY, HOUR, MISSING, MOMENT, civil, split, weekday

CYCLES = {"month": 12.0, "weekday": 7.0, "day of year": 365.25, "hour": 24.0}
"""Cyclical part -> period."""
PARTS = ("month", "weekday", "day of month", "day of year", "hour")
REPEATS = {"month": 365, "weekday": 7, "day of month": 31, "day of year": 365, "hour": 1}
"""Part -> days after which all its values have recurred; data of a shorter period lacks some of them."""
_UTC, _BEFORE, _HAS = " (UTC)", "days before ", "has "
_UNITS = {"": (DATE, DATE), _UTC: (MOMENT, MOMENT), " (UTC to date)": (MOMENT, DATE), " (date to UTC)": (DATE, MOMENT)}
NUMBER_PARTS = ("mean", "min", "max")
"""Statistics of a list of numbers."""
COUNT = "count"
AGE, HAS = "age", "has"
SEPARATOR = ";"
"""Default separator of the items of a list that is given as one text."""
OUTER, AROUND = r"^\s*[\[({](.*)[\])}]\s*$", r"""^\s*["']?(.*?)["']?\s*$"""
"""Patterns (RE2) that strip brackets around a list in one text, and quotes and blanks around its items."""
MAX_ITEMS = 64
"""Maximum values of a list with an indicator column; the most frequent ones."""


@dataclass(frozen=True)
class Derived:
    """How a derived column is computed.

    Attributes:
      column: The raw column.
      part: One of PARTS, COUNT, NUMBER_PARTS, AGE or HAS.
      unit: DATE or MOMENT; "" for a list.
      time: For AGE, the column of the row's own time.
      time_unit: For AGE, its unit.
      item: For HAS, the value.
    """

    column: str
    part: str
    unit: str = ""
    time: str = ""
    time_unit: str = ""
    item: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """Raw columns from which it is computed."""
        return (self.column, self.time) if self.time else (self.column,)

    @property
    def name(self) -> str:
        """Name of the derived column, see the module docstring."""
        if self.part == AGE:
            suffix = next(suffix for suffix, units in _UNITS.items() if units == (self.unit, self.time_unit))
            return f"{self.column}: {_BEFORE}{self.time}{suffix}"
        if self.part == HAS:
            return f"{self.column}: {_HAS}{self.item}"
        return f"{self.column}: {self.part}{_UTC if self.unit == MOMENT else ''}"


@lru_cache(maxsize=1 << 16)
def readings(name: str) -> tuple[Derived, ...]:
    """Parses a name into all possible meanings, the shortest raw column first; () if it is not a derived column."""
    found, start = [], name.find(": ")
    while start >= 0:
        column, part = name[:start], name[start + 2 :]
        if part in PARTS or part in (COUNT, *NUMBER_PARTS):
            found.append(Derived(column, part, DATE if part in PARTS else ""))
        elif part.endswith(_UTC) and part.removesuffix(_UTC) in PARTS:
            found.append(Derived(column, part.removesuffix(_UTC), MOMENT))
        elif part.startswith(_HAS):
            found.append(Derived(column, HAS, item=part.removeprefix(_HAS)))
        elif part.startswith(_BEFORE):
            # The longest suffix first, because every text ends with "".
            suffix = next(one for one in sorted(_UNITS, key=len, reverse=True) if part.endswith(one))
            time = part.removeprefix(_BEFORE).removesuffix(suffix)
            unit, time_unit = _UNITS[suffix]
            found.append(Derived(column, AGE, unit, time, time_unit))
        start = name.find(": ", start + 1)
    return tuple(found)


def reading(name: str, there: Callable[[str], bool]) -> Derived | None:
    """Returns the meaning of a name, given which raw columns exist (`there`); None for a raw column or no match."""
    if there(name):
        return None
    return next((one for one in readings(name) if all(map(there, one.sources))), None)


def sources(names: Iterable[str], there: Callable[[str], bool]) -> list[str]:
    """Returns the raw columns that are needed for the named raw or derived columns, without duplicates."""
    found: dict[str, None] = {}
    for name in names:
        meant = reading(name, there)
        found.update(dict.fromkeys(meant.sources if meant else (name,)))
    return list(found)


def candidates(
    dates: Mapping[str, str], time: tuple[str, str] | None, lists: Mapping[str, str]
) -> tuple[list[str], dict[str, float]]:
    """Lists all columns that can be derived, except indicators of list values.

    Args:
      dates: Date or timestamp column -> unit.
      time: Column of the row's own time and its unit; None if there is none.
      lists: List column -> "string" or a number type.

    Returns:
      Numeric columns, and cyclical columns with their periods.
    """
    numeric, cyclical = [], {}
    for column, unit in dates.items():
        for part in PARTS:
            name = Derived(column, part, unit).name
            if part in CYCLES and (part != "hour" or unit == MOMENT):
                cyclical[name] = CYCLES[part]
            elif part not in CYCLES:
                numeric.append(name)
        if time and time[0] != column:
            numeric.append(Derived(column, AGE, unit, *time).name)
    for column, kind in lists.items():
        numeric.append(Derived(column, COUNT).name)
        if kind != "string":
            numeric += [Derived(column, part).name for part in NUMBER_PARTS]
    return numeric, cyclical


def expanded(features: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the derived columns to `numeric` and `cyclical` of section [features].

    `features` may have an entry `derived` with `numeric` and `cyclical` derived columns.
    """
    more = features.get("derived", {})
    return {
        **features,
        "numeric": [*features.get("numeric", ()), *more.get("numeric", ())],
        "cyclical": {**features.get("cyclical", {}), **more.get("cyclical", {})},
    }


def sent(features: Mapping[str, Any]) -> list[str]:
    """Returns the raw columns that a model needs: those of section [features], and the row's own time if used."""
    names = [
        name for kind in ("categorical", "numeric", "cyclical", "text", "image") for name in features.get(kind, ())
    ]
    names += [name for kind in ("dates", "lists") for name in features.get(kind, {})]
    aged = [one for name in features.get("derived", {}).get("numeric", ()) for one in readings(name) if one.time]
    return list(dict.fromkeys((*names, *(one.time for one in aged if one.column in features.get("dates", {})))))


def of_dates(meant: Derived, values: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
    """Computes a part of dates or timestamps, or an age: int64 [N], the smallest where missing, to float32 [N]."""
    found: np.ndarray = part_of(meant, values, times, np.where, lambda numbers, kind: np.asarray(numbers).astype(kind))
    return found


def part_of(meant: Derived, values: Any, times: Any, where: Callable[..., Any], cast: Callable[..., Any]) -> Any:
    """Computes `of_dates` in NumPy or TensorFlow.

    Args:
      meant: What to compute.
      values: Dates or timestamps, int64 [N], the smallest where missing.
      times: For an age, the row's own times, int64 [N].
      where: numpy.where or tf.where.
      cast: The library's cast(numbers, "float32").
    """
    gone = values == MISSING
    if meant.part == AGE:
        gone = gone | (times == MISSING)
        (day, micro), (own_day, own_micro) = (
            split(where(gone, some * 0, some), unit) for some, unit in ((values, meant.unit), (times, meant.time_unit))
        )
        found = cast(own_day - day, "float64") + cast(own_micro - micro, "float64") / DAY
    else:
        day, micro = split(where(gone, values * 0, values), meant.unit)
        if meant.part == "hour":
            found = cast(micro, "float64") / HOUR
        elif meant.part == "weekday":
            found = cast(weekday(day), "float64")
        else:
            month, of_month, of_year = civil(day, where)
            wanted = {"month": month, "day of month": of_month, "day of year": of_year}[meant.part]
            found = cast(wanted, "float64")
    return cast(where(gone, found * 0 + float("nan"), found), "float32")


def of_lists(meant: Derived, lengths: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Computes a column from lists, given their lengths [N] and all values concatenated; float32 [N]."""
    if meant.part == COUNT:
        return lengths.astype(np.float32)
    row = np.repeat(np.arange(len(lengths)), lengths)
    if meant.part == HAS:
        found = np.zeros(len(lengths), np.float32)
        found[row[np.asarray(values, bool)]] = 1
        return found
    return summary_of(meant.part, row, values.astype(np.float64), len(lengths)).astype(np.float32)


def summary_of(part: str, row: np.ndarray, values: np.ndarray, rows: int) -> np.ndarray:
    """Computes mean, min or max of the finite values of each row.

    Args:
      part: "mean", "min" or "max".
      row: Row of each value, [M].
      values: Float64 [M].
      rows: Number of rows.

    Returns:
      Float64 [rows]; NaN for rows without a finite value.
    """
    there = np.isfinite(values)
    row, values = row[there], values[there]
    counts = np.bincount(row, minlength=rows)
    if part == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(counts > 0, np.bincount(row, values, minlength=rows) / counts, np.nan)
    found = np.full(rows, np.inf if part == "min" else -np.inf)
    (np.minimum if part == "min" else np.maximum).at(found, row, values)
    return np.where(counts > 0, found, np.nan)


def items(counts: Sequence[tuple[bytes, int]], least: int) -> list[str]:
    """Returns the list values that get an indicator column, at most MAX_ITEMS: by descending count, then by value."""
    frequent = sorted((-count, text) for text, count in counts if count >= least and text)
    return [text.decode("utf-8", "replace") for _, text in frequent[:MAX_ITEMS]]
