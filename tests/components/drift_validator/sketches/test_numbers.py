"""Counts of numbers: exact up to the limit, within the reported error beyond."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.drift_validator.sketches.numbers import NumbersCounter, compact
from components.drift_validator.sketches.sketch import NumberCounts


def counted(chunks, room: int) -> NumberCounts:
    counter = NumbersCounter()
    for chunk in chunks:
        counter.add(np.asarray(chunk), room)
    return counter.result()


def largest_error(found: NumberCounts, values: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance between the sketch and the values."""
    points = np.sort(values)
    at = np.union1d(points, found.values)
    true = np.searchsorted(points, at, "right") / len(points)
    upto = np.concatenate([[0], np.cumsum(found.counts)])
    return float(np.abs(upto[np.searchsorted(found.values, at, "right")] / len(points) - true).max())


def test_compact_by_hand():
    # Ranks 1..8 in two equal parts; the extremes are not merged. (2, 3, 4) is merged at its median 3.
    values, counts, error = compact(np.arange(1.0, 9.0), np.ones(8, np.int64), 2)
    assert values.tolist() == [1, 3, 6, 8]
    assert counts.tolist() == [1, 3, 3, 1]
    assert error == 1


def test_compact_keeps_infinities_and_the_ends():
    values, counts, error = compact(np.array([-np.inf, 1, 2, 3, 4, np.inf]), np.array([5, 1, 1, 1, 1, 2]), 1)
    assert values.tolist() == [-np.inf, 1, 2, 4, np.inf]
    assert counts.tolist() == [5, 1, 2, 1, 2]
    assert error == 1


@pytest.mark.parametrize("kind", ["normal", "ascending", "descending", "heavy", "organ pipe"])
def test_rank_error_is_reported_and_small(kind):
    random = np.random.default_rng(0)
    values = {
        "normal": random.normal(size=300_000),
        "ascending": np.arange(300_000.0),
        "descending": np.arange(300_000.0)[::-1],
        "heavy": np.where(random.random(300_000) < 0.7, 0, random.standard_cauchy(300_000)),
        "organ pipe": np.abs(np.arange(300_000) - 150_000.3),
    }[kind]
    found = counted(np.array_split(values, 61), room=1 << 14)
    assert found.counts.sum() == 300_000
    assert (np.diff(found.values) > 0).all()
    assert len(found.values) <= (1 << 14) // 2
    assert found.values[0] == values.min() and found.values[-1] == values.max()
    assert 0 < largest_error(found, values) <= found.rank_error < 0.01


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.integers(-40, 400) | st.floats(allow_nan=False), max_size=120), max_size=12),
    st.integers(0, 300),
)
def test_actual_error_is_at_most_the_reported_one(chunks, room):
    chunks = [np.array(chunk, np.float64) for chunk in chunks]
    values = np.concatenate([*chunks, [0.0]])
    found = counted([*chunks, [0.0]], room)
    assert found.counts.sum() == len(values)
    assert (found.counts > 0).all()
    assert (found.values[1:] > found.values[:-1]).all()
    assert largest_error(found, values) <= found.rank_error + 1e-12


def test_few_distinct_values_are_exact_for_any_number_of_rows():
    values = np.random.default_rng(0).integers(0, 500, 200_000)
    found = counted(np.array_split(values, 40), room=1 << 13)
    assert found.rank_error == 0
    np.testing.assert_array_equal(found.counts, np.bincount(values))


def test_types_mix_and_large_integers_round():
    found = counted([np.array([1, 2], np.int8), np.array([0.5, 2], np.float32), np.array([2**53, 2**53 + 1])], 99)
    assert found.values.tolist() == [0.5, 1, 2, 2.0**53]
    assert found.counts.tolist() == [1, 1, 2, 2]


def test_nothing():
    found = counted([], 100)
    assert len(found.values) == len(found.counts) == 0
    assert found.rank_error == 0
