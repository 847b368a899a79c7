"""Two Parquet files with many columns, the second slightly shifted, for benchmarks of drift detection."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_AT_ONCE = 1 << 16


def write_pair(folder: Path, rows: int, columns: int) -> tuple[Path, Path]:
    """Writes baseline.parquet and current.parquet: of ten columns, eight are floats, one integers and one text.

    Floats are normal, lognormal or rounded to two decimals, by turns; text has 10 to 10,000 values of Zipf-like
    frequency; every third column lacks 5 % of its values. In the current data every fifth column has moved by a tenth
    of its spread.
    """
    paths = folder / "baseline.parquet", folder / "current.parquet"
    for side, path in enumerate(paths):
        random = np.random.default_rng(side)
        writer = None
        for start in range(0, rows, _AT_ONCE):
            size = min(_AT_ONCE, rows - start)
            batch = pa.record_batch({f"c{index:03d}": _column(random, index, size, side) for index in range(columns)})
            writer = writer or pq.ParquetWriter(path, batch.schema)
            writer.write_batch(batch)
        if writer:
            writer.close()
    return paths


def _column(random: np.random.Generator, index: int, size: int, side: int) -> pa.Array:
    shift = 0.1 * side * (index % 5 == 0)
    absent = random.random(size) < 0.05 if index % 3 == 0 else None
    if index % 10 == 9:
        distinct = int(10 ** (1 + 3 * (index // 10 % 10) / 9))
        ranks = (distinct ** random.random(size) * (1 + shift)).astype(np.int64) % distinct
        names = pa.array([f"value {number}" for number in range(distinct)])
        return pa.DictionaryArray.from_arrays(pa.array(ranks, mask=absent), names).cast(pa.string())
    if index % 10 == 8:
        return pa.array(random.poisson(5 * 10 ** (index // 10 % 4) * (1 + shift), size), mask=absent)
    numbers = random.normal(shift, 1, size)
    if index % 10 in (3, 4):
        numbers = np.exp(numbers)
    elif index % 10 in (5, 6):
        numbers = np.round(numbers, 2)
    return pa.array(numbers, mask=absent)
