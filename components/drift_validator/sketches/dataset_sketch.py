"""A stream of record batches, read once, to what drift needs to know of it."""

import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa

from components.drift_validator.sketches.duplicate_rows import RepeatedRows, combine, hash_column
from components.drift_validator.sketches.sampling import RowSample
from components.drift_validator.sketches.sketch import Table
from components.drift_validator.sketches.slicing import Slicing
from components.drift_validator.sketches.table_counter import TableCounter, Terms, count

BUDGET = 1 << 28
"""Bytes for the counts of numbers, half of it for slices where there are any: 256 MB."""
MOST_VALUES = 1_000_000
"""Distinct texts of a column that are counted one by one."""
MOST_SLICES = 1_000
"""Slices of one slicing."""


@dataclass(frozen=True, eq=False)
class Summarised:
    """What one pass over the rows gave.

    Attributes:
      table: Summary of the rows and of their slices.
      sample: Uniform random sample of the rows, in their order; without rows where none was asked for.
    """

    table: Table
    sample: pa.Table


def summarise(
    batches: Iterable[pa.RecordBatch],
    *,
    kinds: Mapping[str, str] | None = None,
    slices: Sequence[Sequence[str]] = (),
    min_slice_rows: int = 1,
    max_slices: int = MOST_SLICES,
    sample_rows: int = 0,
    seed: int = 0,
    count_repeated: bool = True,
    budget: int = BUDGET,
    max_values: int = MOST_VALUES,
    threads: int | None = None,
) -> Summarised:
    """Summarises a stream in one pass and bounded memory.

    Columns are the union of those of all batches, in order of appearance; rows of batches that lack one count as
    missing there. What is a value, and what is missing, says `cells.flatten`; how values are named, `texts.encode`.
    Text is always categorical. A column with numbers in one batch and text in another is categorical, numbers by their
    text. Nested columns have no distribution, and no row of them counts as missing. A column without any value has an
    empty distribution, of numbers unless `kinds` says otherwise. `lengths` is None where no row holds two values.

    Args:
      batches: Rows; batches may be empty and differ in columns and types.
      kinds: Column -> "categorical" or "numeric". A column that is not named goes by its type: text and bools are
        categorical, numbers and times numeric.
      slices: Each one column, or several to cross. A slice summarises all columns but those.
      min_slice_rows: Slices with fewer rows are left out of the result.
      max_slices: Slices kept for each entry of `slices`: those that appear first in the stream, by 64 MB of rows, the
        larger first. Rows of others count in the whole table only.
      sample_rows: Size of the sample.
      seed: Of the sample.
      count_repeated: Whether to look for rows that occur again.
      budget: Bytes for counts of numbers, shared equally by the columns (and slices; each column of a slice gets at
        least 32 kB). Beyond its share, a column's numbers are merged, see `numbers.NumbersCounter`.
      max_values: Distinct texts of a column, beyond which hash buckets are counted. Slices share it, at least 10,000
        each.
      threads: Columns done at the same time; as many as there are cores by default. The result does not depend on it.

    Raises:
      InputError: A column to slice by has several values in a row.
    """
    whole, slicings = TableCounter(), [Slicing(by, max_slices) for by in slices]
    repeated, sample = RepeatedRows(), RowSample(sample_rows, seed)
    names: dict[str, None] = {}
    share = budget // 2 if slicings else budget
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        terms = Terms(kinds or {}, share, max_values, pool.map)
        slice_terms = replace(terms, budget=share // max(len(slicings), 1))
        for batch in batches:
            names.update(dict.fromkeys(batch.schema.names))
            parts = [(whole, 0, batch.num_rows)]
            if count_repeated:
                repeated.add(combine(count(batch, parts, terms, also=hash_column), batch.num_rows))
            else:
                deque(count(batch, parts, terms), maxlen=0)
            if batch.num_rows == 0:
                continue
            for slicing in slicings:
                slicing.add(batch, slice_terms)
            if sample_rows:
                sample.add(batch)
        for slicing in slicings:
            slicing.flush(slice_terms)
    tables: dict[str, Table] = {}
    for slicing in slicings:
        tables.update(slicing.tables(names, min_slice_rows, slice_terms))
    found = whole.result(names, max_values, repeated.share() if count_repeated else None, tables)
    return Summarised(found, sample.result())
