import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.drift_validator.distances.aligned_histograms import align_categories
from components.drift_validator.distances.chebyshev import chebyshev
from components.drift_validator.sketches.sketch import CategoryCounts
from tests.components.drift_validator.distributions import aligned, categories

pairs = st.integers(1, 10**6)


@pytest.mark.parametrize(
    ("baseline", "current", "expected"),
    [
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, (0.0, None, None, None)),
        ({"a": 1}, {"b": 1}, (1.0, "a", 1.0, 0.0)),
        ({"a": 1, "b": 3}, {"a": 3, "b": 1}, (0.5, "a", 0.25, 0.75)),
        # 4/8, 3/8, 1/8 against 1/8, 4/8, 3/8: 3/8, 1/8, 2/8
        ({"a": 4, "b": 3, "c": 1}, {"a": 1, "b": 4, "c": 3}, (0.375, "a", 0.5, 0.125)),
        ({"a": 3, "b": 1}, {"a": 3, "b": 1, "new": 4}, (0.5, "new", 0.0, 0.5)),
        ({"b": 1, "c": 1}, {"a": 1, "c": 1}, (0.5, "a", 0.0, 0.5)),  # the first of tied values, in either sample
        ({}, {}, (0.0, None, None, None)),
        ({"a": 1, "b": 3}, {}, (0.75, "b", 0.75, 0.0)),
        ({}, {"a": 1, "b": 3}, (0.75, "b", 0.0, 0.75)),
    ],
)
def test_by_hand(baseline, current, expected):
    found = chebyshev(aligned(baseline, current))
    assert (found.distance, found.at, found.baseline_share, found.current_share) == expected


def test_detail_is_one_escaped_line():
    assert chebyshev(aligned({"EV": 166, "x": 834}, {"EV": 144, "x": 856})).detail == "'EV' was 16.6%, is 14.4%"
    found = chebyshev(aligned({"a": 1}, {"a": 1, "\x1b[2J\nü": 1}))
    assert found.at == "\x1b[2J\nü"
    assert found.detail == "'\\x1b[2J\\nü' was 0.0%, is 50.0%"
    assert len(chebyshev(aligned({"a" * 10**6: 1}, {"b": 1})).detail) < 100


def test_hash_buckets_are_not_named():
    both = align_categories(categories({"#1": 3, "#2": 1}, True), categories({"#1": 1, "#2": 3}, True))
    found = chebyshev(both)
    assert (found.distance, found.at, found.detail) == (0.5, None, "one hash bucket was 75.0%, is 25.0%")
    with pytest.raises(ValueError, match="hash both"):
        align_categories(categories({"#1": 3}, True), categories({"a": 1}))


@given(pairs, pairs, pairs, pairs)
def test_the_first_of_two_tied_values_is_reported(a, b, c, d):
    found = chebyshev(aligned({"b": b, "a": a}, {"b": d, "a": c}))
    assert found.at == (None if a * d == b * c else "a")


def test_counts_beyond_64_bits_stay_exact():
    big = 10**12
    found = chebyshev(aligned({"a": big, "b": big + 1}, {"a": big, "b": big}))
    assert found.at == "a"
    assert found.distance == pytest.approx(0.5 - big / (2 * big + 1), rel=1e-3)
    assert found.p_value is not None and found.p_value > 0.5


def test_p_value_of_two_values_equals_fisher_by_hand():
    # Of 2 + 2 values, both a in one sample: 2 of the 6 assignments.
    assert chebyshev(aligned({"a": 2}, {"b": 2})).p_value == pytest.approx(1 / 3)
    # Three values of two each, 3 + 3: a 2:0 needs d = 2/3, for each 2 C(4,1) / C(6,3) = 0.4; the bound adds them up.
    assert chebyshev(aligned({"a": 2, "b": 1}, {"b": 1, "c": 2})).p_value == 1.0
    assert chebyshev(aligned({"a": 900, "b": 100}, {"a": 800, "b": 200})).p_value == pytest.approx(3e-10, rel=0.5)


def test_without_values_on_a_side_nothing_is_significant():
    for both in (aligned({"a": 9}, {}), aligned({}, {"a": 9}), aligned({}, {}), aligned({"a": 9}, {"a": 9})):
        assert chebyshev(both).p_value == 1.0
        assert chebyshev(both).critical(0.05) == 1.0


@pytest.mark.parametrize("level", [0.05, 0.001])
@pytest.mark.parametrize("kinds", [2, 5, 100])
def test_beyond_critical_is_significant_and_just_below_is_not(level, kinds):
    random = np.random.default_rng(kinds)
    baseline = {f"v{kind}": 100 + int(random.integers(50)) for kind in range(kinds)}
    n = sum(baseline.values())
    critical = chebyshev(aligned(baseline, baseline)).critical(level)
    assert 0 < critical < 1
    for factor, significant in ((1.1, True), (0.9, False)):
        move = round(critical * factor * n)
        both = aligned(baseline, {**baseline, "v0": baseline["v0"] + move, "v1": baseline["v1"] - move})
        if move <= baseline["v1"]:
            assert (chebyshev(both).p_value <= level) == significant


def test_design_effect_of_lists():
    alone = chebyshev(aligned({"a": 90, "b": 10}, {"a": 70, "b": 30}))
    in_threes = chebyshev(aligned({"a": 90, "b": 10}, {"a": 70, "b": 30}, design_effect=3.0))
    assert in_threes.distance == alone.distance
    assert in_threes.p_value > 10 * alone.p_value
    assert in_threes.critical(0.05) > alone.critical(0.05)


def test_very_many_values_on_each_side():
    codes = pa.array([f"{code:07d}" for code in range(150_000)], pa.large_string())
    ones = np.ones(100_000, np.int64)
    found = chebyshev(align_categories(CategoryCounts(codes[:100_000], ones), CategoryCounts(codes[50_000:], ones)))
    assert (found.distance, found.at, found.p_value) == (1e-5, "0000000", 1.0)
