"""Invariants of all distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.drift_validator.distances.chebyshev import chebyshev
from components.drift_validator.distances.column_distances import measure_column
from components.drift_validator.distances.kolmogorov_smirnov import kolmogorov_smirnov
from components.drift_validator.distances.total_variation import total_variation
from tests.components.drift_validator.distributions import aligned, aligned_numbers, categories, column, numbers

counts = st.dictionaries(st.sampled_from("abcdéf"), st.integers(1, 1000), max_size=6)
values = st.lists(st.sampled_from([-np.inf, -2.5, 0.0, 0.1, 1.0, 3.0, 1e300, np.inf]), max_size=30)
sides = st.one_of(
    st.tuples(counts.map(categories), counts.map(categories)), st.tuples(values.map(numbers), values.map(numbers))
)
SYMMETRIC = {"chebyshev", "kolmogorov_smirnov", "total_variation", "jensen_shannon", "missing", "decimals"}


@given(sides, st.integers(0, 20), st.integers(0, 20))
@settings(deadline=None)
def test_between_0_and_1_and_symmetric(pair, one_missing, other_missing):
    one, other = column(pair[0], one_missing), column(pair[1], other_missing)
    back = {measured.measure: measured for measured in measure_column(other, one, jensen_shannon=True)}
    for measured in measure_column(one, other, jensen_shannon=True):
        assert 0.0 <= measured.distance <= 1.0
        assert "\n" not in measured.detail
        if measured.measure != "jensen_shannon":
            assert 0.0 <= measured.p_value <= 1.0
            assert 0.0 <= measured.critical(0.05) <= measured.critical(0.001) <= 1.0
        if measured.measure in SYMMETRIC:
            mirrored = back[measured.measure]
            assert measured.distance == pytest.approx(mirrored.distance, abs=1e-12)
            assert (measured.at, measured.baseline_share) == (mirrored.at, mirrored.current_share)
            assert (measured.p_value or 0) == pytest.approx(mirrored.p_value or 0, rel=1e-6)


@given(sides)
@settings(deadline=None)
def test_identical_is_0_and_never_significant(pair):
    for measured in measure_column(column(pair[0]), column(pair[0]), jensen_shannon=True):
        assert measured.distance == 0.0
        assert measured.p_value in (1.0, None)


@given(counts, counts, st.integers(2, 1000))
@settings(deadline=None)
def test_duplicating_all_rows_changes_no_distance_of_texts(one, other, times):
    once = measure_column(column(categories(one)), column(categories(other)), jensen_shannon=True)
    more = {value: count * times for value, count in one.items()}
    often = measure_column(column(categories(more)), column(categories(other)), jensen_shannon=True)
    assert [(found.measure, found.at) for found in once] == [(found.measure, found.at) for found in often]
    for found, same in zip(once, often, strict=True):
        assert found.distance == pytest.approx(same.distance, abs=1e-12)


@given(values, values, st.randoms())
@settings(deadline=None)
def test_neither_doubling_nor_the_order_of_rows_changes_a_distance_of_numbers(one, other, random):
    once = measure_column(column(numbers(one)), column(numbers(other)), jensen_shannon=True)
    random.shuffle(doubled := one * 2)
    often = measure_column(column(numbers(doubled)), column(numbers(other)), jensen_shannon=True)
    for found, same in zip(once, often, strict=True):
        assert (found.measure, found.at) == (same.measure, same.at)
        assert found.distance == pytest.approx(same.distance, abs=1e-12)


@given(counts, counts, counts)
def test_triangle_inequality_of_categories(one, other, third):
    for measure in (chebyshev, total_variation):
        direct = measure(aligned(one, third)).distance
        assert direct <= measure(aligned(one, other)).distance + measure(aligned(other, third)).distance + 1e-12


@given(values, values, values)
def test_triangle_inequality_of_numbers(one, other, third):
    a, b, c = (
        kolmogorov_smirnov(aligned_numbers(*pair)).distance for pair in ((one, third), (one, other), (other, third))
    )
    assert a <= b + c + 1e-12


@given(counts, counts)
def test_chebyshev_is_at_most_total_variation_where_both_sides_have_values(one, other):
    both = aligned(one, other)
    if one and other:
        assert chebyshev(both).distance <= total_variation(both).distance + 1e-12
