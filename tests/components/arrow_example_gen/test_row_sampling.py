"""Row sampling: independent of batches, with the requested share."""

import numpy as np
import pyarrow as pa
import pytest

from components.arrow_example_gen.row_sampling import sample_batches


def _batches(rows: int, size: int) -> list[pa.RecordBatch]:
    table = pa.table({"row": np.arange(rows)})
    return table.to_batches(max_chunksize=size)


def _rows(batches: list[pa.RecordBatch], share: float) -> list[int]:
    return [row for batch in sample_batches(iter(batches), share) for row in batch.column("row").to_pylist()]


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_sample_does_not_depend_on_batches(size: int) -> None:
    assert _rows(_batches(3000, size), 0.1) == _rows(_batches(3000, 3000), 0.1)


def test_sample_has_the_requested_share() -> None:
    taken = _rows(_batches(100_000, 8192), 0.02)
    # Binomial distribution, n = 100,000, p = 0.02: mean 2,000, five standard deviations are 221.
    assert abs(len(taken) - 2000) < 221
    assert abs(np.mean(taken) - 50_000) < 3500  # spread over all rows
    assert _rows(_batches(10, 10), 1.0) == list(range(10))
