"""Distinct values before and after a transformation, worked by hand; and findings of ingest about float64."""

import numpy as np
import pyarrow as pa

from components.arrow_example_gen.float_rounding import RoundingCheck, worst
from components.shared.features.distinct_values import MAX_SAMPLED, NumberSample, told_apart


def test_values_that_become_equal_are_counted() -> None:
    found = told_apart("x", "numeric", np.array([1, 2, 3, 4, 4]), np.array([0.0, 0.0, 1.0, 2.0, 2.0]))
    assert (found.distinct, found.learned, found.affected) == (4, 3, 0.4)
    assert found.finding == "4 distinct values become 3 (40% of the rows have one of them)"
    both = told_apart("x", "numeric", np.array([1, 2]), np.array([0.0, 0.0]), np.array([0.0, 1.0]))
    assert (both.distinct, both.learned, both.finding) == (2, 2, "")


def test_clipped_tail_is_no_finding() -> None:
    values = np.concatenate([np.zeros(9_950), np.arange(1, 51)])
    assert not told_apart("x", "numeric", values, np.minimum(values, 1)).finding  # 0.5 % of the rows
    assert told_apart("x", "numeric", values[9_900:], np.minimum(values[9_900:], 1)).finding


def test_no_values() -> None:
    assert told_apart("x", "numeric", np.zeros(0)).distinct == 0


def test_sample_is_bounded_and_spread_over_all_rows() -> None:
    sample = NumberSample()
    for start in range(0, 100_000, 777):
        sample.add(pa.array(range(start, min(start + 777, 100_000))))
    values = sample.values()
    assert MAX_SAMPLED <= len(values) <= 2 * MAX_SAMPLED
    assert len(set(np.diff(values))) == 1 and values[-1] > 99_980


def test_float64_values_that_are_equal_as_float32_are_found() -> None:
    draw = np.random.default_rng(5)
    batch = pa.record_batch(
        {
            "epoch": pa.array(1_750_000_000.0 + draw.integers(0, 60_000, 900) / 1000),
            "latitude": pa.array(40.5 + draw.random(900) / 2),
            "count": pa.array(draw.integers(0, 9, 900)),
        }
    )
    rounding = RoundingCheck()
    assert [one is batch for one in rounding.watched([batch])] == [True]
    (found,) = rounding.found()
    assert (found.column, found.kind) == ("epoch", "float32")
    assert found.finding.startswith("as float32, the only float of a tf.Example, ")
    less = {**found.to_json(), "affected": 0.5}
    assert worst([[less], [found.to_json()]]) == [found.to_json()]
