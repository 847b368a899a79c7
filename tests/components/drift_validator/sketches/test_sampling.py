"""The random sample is uniform, reproducible and independent of batches."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.drift_validator.sketches.sampling import ReservoirSample


def sample(batches, size: int, seed: int = 0) -> pa.Table:
    rows = ReservoirSample(size, seed)
    for batch in batches:
        rows.add(batch)
    return rows.result()


def numbered(start: int, stop: int) -> pa.RecordBatch:
    return pa.record_batch({"row": np.arange(start, stop)})


@given(st.lists(st.integers(0, 4000), max_size=5), st.integers(0, 50))
def test_sample_is_independent_of_batch_boundaries(cuts, size):
    edges = [0, *sorted(cuts), 4000]
    batches = [numbered(start, stop) for start, stop in pairwise(edges)]
    assert sample(batches, size).equals(sample([numbered(0, 4000)], size))


def test_rows_come_in_their_order_without_repetition():
    rows = sample([numbered(0, 5000)], 100)["row"].to_pylist()
    assert len(rows) == 100
    assert rows == sorted(set(rows))
    assert rows != sample([numbered(0, 5000)], 100, seed=1)["row"].to_pylist()


def test_few_rows_are_all_kept():
    assert sample([numbered(0, 3), numbered(3, 5)], 5)["row"].to_pylist() == [0, 1, 2, 3, 4]


def test_sampling_is_uniform():
    times = np.zeros(40)
    for seed in range(2000):
        times[sample([numbered(0, 40)], 10, seed)["row"].to_numpy()] += 1
    # Binomial(2000, 1/4): standard deviation 19.4; five of them on either side for 40 rows.
    assert times == pytest.approx(np.full(40, 500), abs=97)


def test_columns_and_types_that_change():
    batches = [
        pa.record_batch({"a": [1], "t": pa.array(["x"]).dictionary_encode(), "m": [1.5]}),
        pa.record_batch({"a": [2.5], "t": pa.array(["y"]).dictionary_encode(), "m": ["text"], "b": [True]}),
    ]
    assert sample(batches, 9).to_pydict() == {
        "a": [1.0, 2.5],
        "t": ["x", "y"],
        "m": ["1.5", "text"],
        "b": [None, True],
    }


def test_no_rows():
    assert sample([], 5).num_rows == 0
    empty = sample([numbered(0, 0)], 5)
    assert empty.column_names == ["row"] and empty.num_rows == 0
