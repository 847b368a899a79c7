import math

import numpy as np
import pytest

from components.drift_validator.distances.new_values import missing_categories, new_categories, out_of_range
from components.drift_validator.sketches.sketch import NumberCounts
from tests.components.drift_validator.distributions import aligned, numbers


def test_unseen_and_vanished_by_hand():
    both = aligned({"EV": 4, "b": 5, "B6": 1}, {"b": 5, "ev": 3, "x": 1, "y": 1})
    new, gone = new_categories(both), missing_categories(both)
    assert (new.distance, new.at, new.baseline_share, new.current_share) == (0.5, "ev", 0.0, 0.3)
    assert new.detail == "'ev' and 2 more values not in the baseline, 50.0% of the values"
    assert (gone.distance, gone.at, gone.baseline_share, gone.current_share) == (0.5, "EV", 0.4, 0.0)
    assert gone.detail == "'EV' and 1 more value of the baseline gone, 50.0% of its values"
    assert new_categories(aligned({"a": 1}, {"a": 5})).detail == ""


def test_rare_values_are_not_significant():
    both = aligned({f"{row}": 1 for row in range(500)}, {f"x{row}": 1 for row in range(500)})
    assert (new_categories(both).distance, missing_categories(both).distance) == (1.0, 1.0)
    assert new_categories(both).p_value == missing_categories(both).p_value == 1.0


def test_a_frequent_new_value_is_significant():
    # All 20 of a value in one of two samples of equal size: about 1 in 2^20, doubled by Bonferroni for two tests.
    new = new_categories(aligned({"a": 10_000}, {"a": 9_980, "new": 20}))
    assert new.p_value == pytest.approx(2 * 2**-20, rel=0.05)


def test_many_rare_new_values_are_significant():
    """400 values with two or three rows each, all in one sample; none of them is significant alone."""
    kept = {f"a{kind}": 3 for kind in range(400)}
    new = new_categories(
        aligned({**kept, "big": 5000}, {**kept, "big": 5000, **{f"b{kind}": 3 for kind in range(200)}})
    )
    assert new.p_value < 1e-6


def test_beyond_critical_is_significant():
    baseline = {f"a{kind}": 2 for kind in range(500)}
    for kinds in range(100, 501, 50):
        found = new_categories(aligned(baseline, {f"{'b' if kind < kinds else 'a'}{kind}": 2 for kind in range(500)}))
        if found.distance > found.critical(0.01):
            assert found.p_value <= 0.01
    assert found.distance == 1.0 > found.critical(0.01)


@pytest.mark.parametrize("measure", [new_categories, missing_categories])
def test_without_values_on_a_side_nothing_is_significant(measure):
    for both in (aligned({"a": 9}, {}), aligned({}, {"a": 9}), aligned({}, {})):
        assert measure(both).p_value == 1.0
        assert measure(both).critical(0.05) == 1.0
    assert new_categories(aligned({}, {"a": 9})).distance == 1.0
    assert new_categories(aligned({"a": 9}, {})).distance == 0.0


def test_out_of_range_by_hand():
    found = out_of_range(numbers([1, 2, 3]), numbers([0, 1, 2, -999]))
    assert (found.distance, found.at, found.current_share) == (0.5, -999.0, 0.5)
    assert found.detail == "-999 is below all of the baseline (1 to 3), 50.0% of the values outside"
    # Two of four values: 3 ways to split them between the two ends, 4/7 * 3/6 each.
    assert found.p_value == pytest.approx(3 * 4 / 7 * 3 / 6)
    assert out_of_range(numbers([1, 5]), numbers([1, 2, 5])).distance == 0.0
    endless = out_of_range(numbers([1, 5]), numbers([2, math.inf]))
    assert (endless.distance, endless.at) == (0.5, "inf")
    assert "inf is above" in endless.detail


def test_out_of_range_false_alarms_and_power():
    baseline, current = np.arange(1000.0), np.arange(1000.0)
    current[:3] = 1e6
    assert out_of_range(numbers(baseline), numbers(current)).p_value > 0.05
    current[:30] = 1e6
    found = out_of_range(numbers(baseline), numbers(current))
    assert found.p_value < 1e-6
    assert 0.003 < found.critical(0.05) < found.critical(1e-4) < found.distance


def test_out_of_range_of_approximate_sketches_subtracts_the_rank_error():
    baseline = numbers(np.arange(1000.0))
    current = NumberCounts(np.array([0.0, 500.0, 2000.0]), np.array([1, 969, 30]), rank_error=0.03)
    found = out_of_range(baseline, current)
    assert (found.distance, found.p_value) == (0.03, 1.0)


def test_out_of_range_with_an_empty_sample():
    for one, other in (([], [1]), ([1], []), ([], [])):
        found = out_of_range(numbers(one), numbers(other))
        assert (found.distance, found.p_value, found.critical(0.05)) == (0.0, 1.0, 1.0)
