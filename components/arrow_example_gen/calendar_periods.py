"""Splits rows by a time column: into one span per calendar period, or into older and newer rows of a single file.

The number of a span is derived from its period, so that it does not change when older or newer rows arrive: 20131231
(day), 201352 (ISO week), 201312 (month), 20134 (quarter), 2013 (year).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from components.shared.features.calendar_parts import MISSING, civil, split, weekday

MAX_TIMES = 1 << 20
"""Times of a file that are kept to find the split time; larger files are sampled at random."""


@dataclass
class Times:
    """Statistics of a file's time column, accumulated batch by batch.

    Attributes:
      periods: Number of a period -> rows.
      missing: Rows without a time.
      first: Index of the first row without a time, from 0; -1 if there is none.
      rows: Rows seen.
    """

    periods: Counter[int] = field(default_factory=Counter)
    missing: int = 0
    first: int = -1
    rows: int = 0
    _kept: list[np.ndarray] = field(default_factory=list)
    _size: int = 0
    _share: float = 1.0
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(13))

    def add(self, column: pa.Array, unit: str, by: str) -> None:
        """Adds the times of a batch.

        Args:
          column: date32 or timestamp[us], [N].
          unit: "date" or "timestamp".
          by: "day", "week", "month", "quarter" or "year" to count rows per period; "" to sample times for `newest`.
        """
        values = integers(column)
        gone = values == MISSING
        if gone.any() and self.first < 0:
            self.first = self.rows + int(np.flatnonzero(gone)[0])
        self.missing += int(gone.sum())
        self.rows += len(values)
        values = values[~gone]
        if by:
            numbers, counts = np.unique(period_numbers(values, unit, by), return_counts=True)
            self.periods.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
            return
        self._kept.append(values if self._share == 1 else values[self._random.random(len(values)) < self._share])
        self._size += len(self._kept[-1])
        while self._size > MAX_TIMES:
            self._kept = [kept[self._random.random(len(kept)) < 0.5] for kept in self._kept]
            self._size, self._share = sum(map(len, self._kept)), self._share / 2

    def newest(self, share: float) -> int | None:
        """The time that separates about the newest `share` of the rows from the others.

        Rows with equal times are never separated, so that the actual share may differ. Rows with the newest time are
        always among the newest, rows with the oldest time never.

        Args:
          share: Share of the rows, in (0, 1).

        Returns:
          Days or microseconds since 1970-01-01: rows from this time on are the newest. None if all times are equal.
        """
        times = np.sort(np.concatenate(self._kept)) if self._kept else np.zeros(0, np.int64)
        if not len(times) or times[0] == times[-1]:
            return None
        at = int(times[min(int(np.ceil(len(times) * (1 - share))), len(times) - 1)])
        return at if at > times[0] else int(times[np.searchsorted(times, at, side="right")])


def integers(column: pa.Array) -> np.ndarray:
    """Times as days or microseconds since 1970-01-01, int64 [N]; MISSING for null."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    found: np.ndarray = column.cast(pa.int64()).fill_null(MISSING).to_numpy(zero_copy_only=False)
    return found


def period_numbers(values: np.ndarray, unit: str, by: str) -> np.ndarray:
    """The number of each time's period, int64 [N]; see the module's docstring.

    Args:
      values: Days or microseconds since 1970-01-01, int64 [N], without MISSING.
      unit: "date" (days) or "timestamp" (microseconds).
      by: "day", "week" (ISO 8601), "month", "quarter" or "year".
    """
    days, _ = split(values, unit)
    if by == "week":  # ISO 8601: a week belongs to the year of its Thursday
        thursday = days - weekday(days) + 3
        _, _, of_year = civil(thursday, np.where)
        return _years(thursday) * 100 + (of_year - 1) // 7 + 1
    month, day, _ = civil(days, np.where)
    year = _years(days)
    if by == "year":
        return year
    if by == "quarter":
        return year * 10 + (month + 2) // 3
    return year * 100 + month if by == "month" else (year * 100 + month) * 100 + day


def _years(days: np.ndarray) -> np.ndarray:
    years: np.ndarray = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def in_period(column: pa.Array, unit: str, by: str, number: int) -> np.ndarray:
    """Whether each row belongs to a period, bool [N]; false for a missing time.

    Args:
      column: date32 or timestamp[us], [N].
      unit: "date" or "timestamp".
      by: See period_numbers.
      number: Number of the period.
    """
    values = integers(column)
    there = values != MISSING
    found = np.zeros(len(values), bool)
    found[there] = period_numbers(values[there], unit, by) == number
    return found


def counted(batches: Iterable[pa.RecordBatch], time: str, unit: str, by: str) -> Times:
    """Accumulates the statistics of the time column over all batches.

    Args:
      batches: Rows.
      time: Name of the time column.
      unit: "date" or "timestamp".
      by: See Times.add.
    """
    found = Times()
    for batch in batches:
        found.add(batch.column(time), unit, by)
    return found
