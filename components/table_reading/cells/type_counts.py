"""Counts the lexical forms of a batch; in batches of few rows, many columns are processed together."""

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.table_reading.cells.date_notations import count_notations
from components.table_reading.cells.number_formats import count_numbers, count_points
from components.table_reading.cells.text_parsing import parse
from components.table_reading.read_options import (
    CHECKED,
    CHECKED_EACH,
    FORMS,
    MARKERS,
    TypeCandidates,
    count_type_candidates,
)

FEW_ROWS = 1 << 12
"""Above this number of rows columns are counted one by one: finding the distinct values first is then faster."""
CELLS = 1 << 19
"""Approximate number of cells that are processed together."""


def count_batch(batch: pa.RecordBatch, into: Mapping[str, TypeCandidates]) -> None:
    """Adds the values of a batch to the counts of its columns; equivalent to `count_type_candidates` for each column.

    Args:
      batch: Columns of strings.
      into: Column -> counts, updated in place.
    """
    names = batch.schema.names
    if batch.num_rows > FEW_ROWS or len(names) < 2:
        for name, column in zip(names, batch.columns, strict=True):
            count_type_candidates(column, into[name])
        return
    for start, columns in grouped(batch.columns, batch.num_rows):
        _count(columns, [into[name] for name in names[start : start + len(columns)]])


def grouped(columns: list[pa.Array], rows: int) -> Iterator[tuple[int, list[pa.Array]]]:
    """Splits columns into groups of about CELLS cells.

    Args:
      columns: Columns, each of `rows` values.
      rows: Number of rows.

    Yields:
      Index of the first column of a group, and the columns of the group.
    """
    width = max(1, CELLS // max(rows, 1))
    for start in range(0, len(columns), width):
        yield start, columns[start : start + width]


def _count(columns: list[pa.Array], into: list[TypeCandidates]) -> None:
    for column, forms in zip(columns, into, strict=True):
        forms.rows += len(column)
        forms.nulls += column.null_count
    values = pa.concat_arrays(columns)
    owners = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
    if values.null_count:
        owners = owners[values.is_valid().to_numpy(zero_copy_only=False)]
        values = values.drop_null()
    trimmed = pc.utf8_trim(values, " \t")  # as Arrow's CSV reader parses " 5"
    marker = pc.is_in(trimmed, value_set=pa.array(sorted(MARKERS))).to_numpy(zero_copy_only=False)
    if marker.any():
        found = Counter(zip(owners[marker].tolist(), values.filter(pa.array(marker)).to_pylist(), strict=True))
        for (owner, value), count in found.items():
            if value == "":
                into[owner].counts["blank"] += count
            else:
                into[owner].markers[value] += count
        trimmed, owners = trimmed.filter(pa.array(~marker)), owners[~marker]
    numbers = [forms.numbers for forms in into]
    for form, pattern in FORMS:
        if not len(owners):
            return
        hit = pc.match_substring_regex(trimmed, pattern).to_numpy(zero_copy_only=False)
        if hit.any():
            _add(form, trimmed.filter(pa.array(hit)), owners[hit], into)
            if form in ("whole", "float"):
                count_points(trimmed.filter(pa.array(hit)), owners[hit], np.ones(hit.sum(), int), numbers)
            trimmed, owners = trimmed.filter(pa.array(~hit)), owners[~hit]
    for owner, count in _counts(owners):
        into[owner].counts["text"] += count
    count_numbers(trimmed, owners, np.ones(len(owners), int), numbers)


def _add(form: str, values: pa.Array, owners: np.ndarray, into: list[TypeCandidates]) -> None:
    if form in CHECKED_EACH:
        gone = parse(values, CHECKED_EACH[form]).is_null().to_numpy(zero_copy_only=False)
        for name, which in ((form, ~gone), ("impossible", gone)):
            for owner, count in _counts(owners[which]):
                into[owner].counts[name] += count
        return
    fails: set[int] = set()
    if form in CHECKED:
        holds, otherwise, arrow = CHECKED[form]
        fails = set(owners[parse(values, arrow).is_null().to_numpy(zero_copy_only=False)].tolist())
    if form == "dated":
        for owner in np.unique(owners).tolist():
            counted = values.filter(pa.array(owners == owner)).value_counts()
            rows = counted.field("counts").to_numpy(zero_copy_only=False)
            into[owner].formats.update(count_notations(counted.field("values"), rows))
    if form in ("clock", "elapsed"):
        colons = pc.count_substring(values, ":").to_numpy(zero_copy_only=False)
        for number in (1, 2):
            for owner, count in _counts(owners[colons == number]):
                into[owner].colons[number] += count
    for owner, count in _counts(owners):
        name = form if form not in CHECKED else otherwise if owner in fails else holds
        into[owner].counts[name] += count


def _counts(owners: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields the index of each column that occurs in `owners`, and its number of values."""
    counted = np.bincount(owners)
    found = np.flatnonzero(counted)
    return zip(found.tolist(), counted[found].tolist(), strict=True)
