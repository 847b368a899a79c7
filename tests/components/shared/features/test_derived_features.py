"""Derived columns: names, and equal results for batches of examples and tensors."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.features.derived_cells import derived_cells
from components.shared.features.derived_features import (
    AGE,
    COUNT,
    HAS,
    Derived,
    candidates,
    expanded,
    items,
    reading,
    readings,
    sent,
)
from components.shared.features.derived_tensors import derived

NAMES = [
    Derived("arrived", "month", "date"),
    Derived("at", "hour", "timestamp"),
    Derived("a: b", "day of month", "date"),
    Derived("born", AGE, "date", "at", "timestamp"),
    Derived("born", AGE, "date", "asked", "date"),
    Derived("seen", AGE, "timestamp", "asked", "date"),
    Derived("tags", HAS, item="red: month"),
    Derived("tags", COUNT),
    Derived("scores", "mean"),
]


@pytest.mark.parametrize("meant", NAMES, ids=lambda one: one.name)
def test_name_is_parsed_to_its_meaning(meant: Derived) -> None:
    there = {"arrived", "at", "a: b", "born", "asked", "seen", "tags", "scores"}
    assert reading(meant.name, there.__contains__) == meant
    assert meant in readings(meant.name)


def test_raw_column_takes_precedence() -> None:
    assert reading("at: month", {"at", "at: month"}.__contains__) is None
    assert readings("plain") == readings("a: b") == ()


def test_columns_that_can_be_derived() -> None:
    numeric, cyclical = candidates({"d": "date", "t": "timestamp"}, ("t", "timestamp"), {"l": "string", "n": "int64"})
    assert numeric == [
        *("d: day of month", "d: days before t (date to UTC)", "t: day of month (UTC)"),
        *("l: count", "n: count", "n: mean", "n: min", "n: max"),
    ]
    assert cyclical == {
        **{"d: month": 12, "d: weekday": 7, "d: day of year": 365.25},
        **{"t: month (UTC)": 12, "t: weekday (UTC)": 7, "t: day of year (UTC)": 365.25, "t: hour (UTC)": 24},
    }
    features = {"numeric": ["n0"], "dates": {"d": "date"}, "derived": {"numeric": numeric, "cyclical": cyclical}}
    assert expanded(features)["numeric"][:2] == ["n0", "d: day of month"]
    assert sent(features) == ["n0", "d", "t"]


texts = st.sampled_from(["red", "green", "a b", "ü"])
rows_of_texts = st.lists(st.lists(texts, max_size=4), min_size=1, max_size=8)
# TensorFlow's kernels flush subnormal numbers to zero.
finite_numbers = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
rows_of_numbers = st.lists(st.lists(finite_numbers, max_size=4), min_size=1, max_size=8)


@settings(deadline=None, max_examples=30)  # TensorFlow loads its kernels
@given(rows_of_texts, rows_of_numbers)
def test_lists_of_batches_and_of_tensors(tags: list[list[str]], scores: list[list[float]]) -> None:
    rows = min(len(tags), len(scores))
    tags, scores = tags[:rows], scores[:rows]
    batch = pa.record_batch(
        {
            "tags": pa.array([[one.encode() for one in row] for row in tags], pa.list_(pa.binary())),
            "scores": pa.array(scores, pa.list_(pa.float32())),
        }
    )
    raw = {
        "tags": tf.ragged.constant(tags, dtype=tf.string, ragged_rank=1).to_sparse(),
        "scores": tf.ragged.constant(scores, dtype=tf.float32, ragged_rank=1).to_sparse(),
    }
    names = ["tags: count", "tags: has red", "tags: has ü", "scores: mean", "scores: min", "scores: max"]
    found = derived(raw, names)
    for name in names:
        cells = derived_cells(batch, name)
        assert cells is not None
        numbers = cells.to_numpy(zero_copy_only=False)
        # Sums in another order differ in their last digits, relative to the largest value.
        largest = max((abs(value) for row in scores for value in row), default=0.0) if name.endswith("mean") else 0.0
        np.testing.assert_allclose(numbers, found[name].numpy(), rtol=0, atol=1e-6 * largest)
    assert found["tags: has red"].numpy().tolist() == [float("red" in row) for row in tags]
    assert found["tags: count"].numpy().tolist() == [len(row) for row in tags]


def test_items_are_the_most_frequent_values() -> None:
    assert items([(b"a", 3), (b"c", 5), (b"b", 3), (b"", 9), (b"rare", 1)], 2) == ["c", "a", "b"]
    assert len(items([(b"%d" % number, 9) for number in range(100)], 2)) == 64
