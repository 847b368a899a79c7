"""Equal rows have equal hashes; the share of duplicate rows is exact, or estimated beyond the limit."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.drift_validator.sketches.duplicate_rows import DuplicateRowCounter, hash_rows
from components.drift_validator.sketches.hashing import hash_texts

NAN = float("nan")


def batch(**columns) -> pa.RecordBatch:
    return pa.record_batch(columns)


def groups(hashes: np.ndarray) -> list[int]:
    """For each row, the first row with its hash."""
    first: dict[int, int] = {}
    return [first.setdefault(int(value), row) for row, value in enumerate(hashes)]


def test_missing_values_and_zeros_are_equal():
    assert groups(hash_rows(batch(x=[0.0, -0.0, NAN, None, 1.0], y=["a"] * 5))) == [0, 0, 2, 2, 4]


def test_lists_by_their_items_in_order():
    lists = pa.array([[1, 2], [2, 1], [1, 2], [], None, [1], [1, 2, 3], [3], [1, None, 2], [None]])
    assert groups(hash_rows(batch(x=lists))) == [0, 1, 0, 3, 3, 5, 6, 7, 0, 3]


def test_a_list_of_one_value_equals_the_value_of_any_numeric_type():
    expected = hash_rows(batch(x=[1, 2, None], y=["a", "b", None]))
    others = [
        batch(x=[1.0, 2.0, NAN], y=[b"a", b"b", None]),
        batch(y=pa.array(["a", "b", None]).dictionary_encode(), x=pa.array([1, 2, None], pa.int8())),
        batch(x=[[1], [2], []], y=[[b"a"], [b"b"], None]),
        batch(x=[1, 2, None], y=["a", "b", None], z=pa.nulls(3)),
    ]
    for other in others:
        np.testing.assert_array_equal(hash_rows(other), expected)


def test_hashes_depend_on_column_names():
    assert len(set(hash_rows(batch(x=[1, 2, None, 1], y=[2, 1, 1, None])))) == 4


def test_large_integers_have_distinct_hashes():
    assert len(set(hash_rows(batch(x=[2**53, 2**53 + 1, 2**53 + 2])))) == 3


@given(st.lists(st.binary(max_size=20)))
def test_distinct_texts_have_distinct_hashes(texts):
    hashes = hash_texts(pa.array(texts, pa.binary()))
    assert groups(hashes) == [texts.index(text) for text in texts]


def test_long_texts_and_slices_of_arrays():
    texts = pa.array(["x", "y" * 5000, "y" * 5001, "", "y" * 5000, "\0", "\0\0"])
    hashes = hash_texts(texts)
    assert groups(hashes) == [0, 1, 2, 3, 1, 5, 6]
    np.testing.assert_array_equal(hash_texts(texts.slice(2, 3)), hashes[2:5])


def test_hashes_are_the_same_in_every_run():
    assert int(hash_texts(pa.array(["plumbline"]))[0]) == 11285031851875223914


@given(st.lists(st.lists(st.integers(0, 5), max_size=8), max_size=6))
def test_share_is_exact_within_the_limit(chunks):
    counted = DuplicateRowCounter(most=6)
    for chunk in chunks:
        counted.add(hash_rows(batch(x=pa.array(chunk, pa.int64()))))
    rows = [value for chunk in chunks for value in chunk]
    assert counted.share() == pytest.approx(1 - len(set(rows)) / len(rows) if rows else 0)


def test_share_is_estimated_beyond_the_limit():
    values = np.concatenate([np.arange(100_000), np.arange(25_000)])  # 20 % of the rows are duplicates
    counted = DuplicateRowCounter(most=5_000)
    for chunk in np.array_split(np.random.default_rng(0).permutation(values), 50):
        counted.add(hash_rows(batch(x=chunk)))
    assert counted.share() == pytest.approx(0.2, abs=0.02)
