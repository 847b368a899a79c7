"""Computes the sketch of a data set from a stream of record batches in one pass."""

import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa

from components.drift_validator.sketches.duplicate_rows import DuplicateRowCounter, combine, hash_column
from components.drift_validator.sketches.sampling import ReservoirSample
from components.drift_validator.sketches.sketch import TableSketch
from components.drift_validator.sketches.slicing import Slicing
from components.drift_validator.sketches.table_counter import SketchConfig, TableCounter, count
from components.shared.statistics.slice_sizes import EVERY_SLICE

BUDGET = 1 << 28
"""Memory limit for the counts of numbers, 256 MB; half of it is used for slices, if any."""
MAX_VALUES = 1_000_000
"""Maximum number of distinct texts of a column before hashing."""
MAX_SLICES = 1_000
"""Maximum number of slices for each entry of `slices`."""


@dataclass(frozen=True, eq=False)
class DatasetSketch:
    """Result of one pass over the rows.

    Attributes:
      table: Sketch of the rows and of their slices.
      sample: Uniform random sample of the rows in their order; empty if `sample_rows` is 0.
    """

    table: TableSketch
    sample: pa.Table


def sketch_batches(
    batches: Iterable[pa.RecordBatch],
    *,
    kinds: Mapping[str, str] | None = None,
    slices: Sequence[Sequence[str]] = (),
    min_slice_rows: int = EVERY_SLICE,
    max_slices: int = MAX_SLICES,
    sample_rows: int = 0,
    seed: int = 0,
    count_repeated: bool = True,
    budget: int = BUDGET,
    max_values: int = MAX_VALUES,
    threads: int | None = None,
) -> DatasetSketch:
    """Computes the sketch of a stream in one pass and bounded memory.

    - Columns are the union over all batches, in order of appearance. Where a batch lacks a column, its rows count as
      missing in it.
    - `flat_columns.flatten` defines which values are missing, `texts.encode` the names of categories.
    - Text is always categorical. A column with numbers in one batch and text in another is categorical.
    - Nested columns have no distribution, and none of their rows counts as missing.
    - A column without values has an empty distribution, over numbers unless `kinds` says "categorical".
    - `lengths` is None where no row has several values.

    Args:
      batches: Rows; batches may be empty and differ in columns and types.
      kinds: Column -> "categorical" or "numeric". By default the type decides: text and booleans are categorical,
        numbers and times numeric.
      slices: Columns to slice by; an entry with several columns is a cross. Sketches of slices have all other columns.
      min_slice_rows: Minimum number of rows of a slice in the result.
      max_slices: Maximum number of slices for each entry of `slices`, in the order of appearance (by 64 MB of rows, the
        larger first). Rows of other slices count in the whole table only.
      sample_rows: Size of the random sample.
      seed: Random seed of the sample.
      count_repeated: Whether to count duplicate rows.
      budget: Memory limit for counts of numbers in bytes, shared equally by the columns and slices (at least 32 kB for
        each column of a slice). Beyond it numbers are approximated, see `numbers.NumbersCounter`.
      max_values: Maximum number of distinct texts of a column before hashing. Slices share it, at least 10,000 each.
      threads: Number of columns that are processed in parallel; the number of cores by default. The result does not
        depend on it.

    Raises:
      InputError: A slicing column has several values in a row.
    """
    whole, slicings = TableCounter(), [Slicing(by, max_slices) for by in slices]
    repeated, sample = DuplicateRowCounter(), ReservoirSample(sample_rows, seed)
    names: dict[str, None] = {}
    share = budget // 2 if slicings else budget
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        terms = SketchConfig(kinds or {}, share, max_values, pool.map)
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
    tables: dict[str, TableSketch] = {}
    for slicing in slicings:
        tables.update(slicing.tables(names, min_slice_rows, slice_terms))
    found = whole.result(names, max_values, repeated.share() if count_repeated else None, tables)
    return DatasetSketch(found, sample.result())
