"""Date columns in a comparison: which calendar parts and ages derived from them are compared."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from components.drift_validator.sketches.dataset_sketch import DatasetSketch
from components.drift_validator.sketches.sketch import TableSketch
from components.shared.features.calendar_parts import DATE, DAY, MISSING
from components.shared.features.derived_cells import derived_cells, moments
from components.shared.features.derived_features import AGE, REPEATS, readings

CYCLES = 4
"""Minimum number of full cycles (weeks, years) in both data sets for comparing a calendar part. With fewer, the
incomplete last cycle would appear as drift."""


class CalendarCoverage:
    """Records the range of dates in a data set."""

    def __init__(self, dates: Mapping[str, str]) -> None:
        self._dates = dates
        self._ends: dict[str, tuple[int, int]] = {}

    def with_derived(self, batches: Iterable[pa.RecordBatch], derived: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yields the batches with derived columns appended, and records the range of dates.

        Args:
          batches: The rows.
          derived: Names of the derived columns.
        """
        for batch in batches:
            for name in self._dates:
                self._add(name, batch)
            for name in derived:
                if name not in batch.schema.names and (cells := derived_cells(batch, name)) is not None:
                    batch = batch.append_column(name, cells)
            yield batch

    def _add(self, name: str, batch: pa.RecordBatch) -> None:
        if name not in batch.schema.names:
            return
        numbers = moments(batch.column(name))
        numbers = numbers[numbers != MISSING]
        if len(numbers):
            low, high = int(numbers.min()), int(numbers.max())
            known = self._ends.get(name, (low, high))
            self._ends[name] = (min(low, known[0]), max(high, known[1]))

    def days(self, name: str) -> float:
        """Returns the number of days from the first to the last date of a column."""
        low, high = self._ends.get(name, (0, 0))
        return (high - low) / (1 if self._dates[name] == DATE else DAY)


def comparable_parts(
    derived: Sequence[str], covered: tuple[CalendarCoverage, CalendarCoverage], *sides: DatasetSketch
) -> tuple[DatasetSketch, ...]:
    """Drops calendar parts of which one of the data sets covers fewer than CYCLES cycles.

    Args:
      derived: All columns derived from dates.
      covered: Date ranges of both data sets.
      sides: Sketches of both data sets.

    Returns:
      The sketches without these columns.
    """
    gone = set()
    for name in derived:
        for meant in readings(name):
            least = CYCLES * REPEATS.get(meant.part, 0)
            if min(side.days(meant.column) for side in covered) < least:
                gone.add(name)
            break
    if not gone:
        return sides
    return tuple(
        DatasetSketch(
            _without(side.table, gone),
            side.sample.drop_columns([one for one in gone if one in side.sample.column_names]),
        )
        for side in sides
    )


def ages(derived: Iterable[str]) -> list[str]:
    """Selects the derived columns that are ages."""
    return [name for name in derived if any(meant.part == AGE for meant in readings(name))]


def _without(table: TableSketch, gone: set[str]) -> TableSketch:
    kept = {name: column for name, column in table.columns.items() if name not in gone}
    slices = {name: _without(one, gone) for name, one in table.slices.items()}
    return replace(table, columns=kept, slices=slices)
