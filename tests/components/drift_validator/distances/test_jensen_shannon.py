import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from components.drift_validator.distances.jensen_shannon import jensen_shannon_categories, jensen_shannon_numbers
from tests.components.drift_validator.distributions import aligned, numbers

counts = st.lists(st.integers(0, 1000), min_size=6, max_size=6).filter(any)


@given(counts, counts)
def test_categories_equal_scipy(one, other):
    sides = [dict(zip("abcdef", side, strict=True)) for side in (one, other)]
    found = jensen_shannon_categories(aligned(*sides))
    assert found.distance == pytest.approx(jensenshannon(one, other, base=2) ** 2, abs=1e-7)


def test_by_hand():
    assert jensen_shannon_categories(aligned({"a": 1}, {"b": 1})).distance == 1.0
    # p = (1, 0), q = (1/2, 1/2), middle (3/4, 1/4): (log2(4/3) + (log2(2/3) + log2(2)) / 2) / 2
    expected = (np.log2(4 / 3) + (np.log2(2 / 3) + 1) / 2) / 2
    assert jensen_shannon_categories(aligned({"a": 1}, {"a": 1, "b": 1})).distance == pytest.approx(expected)
    assert jensen_shannon_numbers(numbers([0, 10]), numbers([20, 30])).distance == 1.0
    assert jensen_shannon_numbers(numbers([1, 1]), numbers([1])).distance == 0.0
    assert jensen_shannon_numbers(numbers([1]), numbers([2])).distance == 1.0
    assert jensen_shannon_numbers(numbers([1]), numbers([0, 2])).distance == 1.0  # a point and a bin


def test_histograms_of_one_range_equal_scipy():
    random = np.random.default_rng(0)
    one, other = random.normal(size=500), random.normal(0.5, size=500)
    one[:2] = other[:2] = -5, 5
    edges = np.linspace(-5, 5, 11)
    expected = jensenshannon(np.histogram(one, edges)[0], np.histogram(other, edges)[0], base=2) ** 2
    assert jensen_shannon_numbers(numbers(one), numbers(other)).distance == pytest.approx(expected)


def test_bins_of_different_ranges_are_spread_evenly():
    # 10 values in bins of width 1, 5 in bins of width 2: half of the second sample is in 0..10, half in 10..20.
    one, other = np.arange(11) - 0.5, np.arange(0, 21, 2) - 1.0
    found = jensen_shannon_numbers(numbers([0, *one[1:], 10]), numbers([0, *other[1:], 20])).distance
    p = [2, *[1] * 8, 2, 0]
    q = [1, *[0.5] * 8, 0.5 + 0.5, 6]
    assert found == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=0.02)


def test_infinities_are_values():
    with_infinities = numbers([-np.inf, 1, 2, 3, np.inf])
    assert jensen_shannon_numbers(with_infinities, with_infinities).distance == 0.0
    only = numbers([np.inf]), numbers([-np.inf])
    assert jensen_shannon_numbers(*only).distance == 1.0
    assert jensen_shannon_numbers(numbers([-1.7e308, 1.7e308]), numbers([-1.7e308, 1.7e308])).distance == 0.0


def test_undefined_with_an_empty_sample():
    assert jensen_shannon_numbers(numbers([]), numbers([1])) is None
    assert jensen_shannon_categories(aligned({}, {"a": 1})) is None
