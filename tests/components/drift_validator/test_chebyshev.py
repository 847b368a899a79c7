import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.drift_validator.chebyshev import Chebyshev, chebyshev

counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1000), max_size=6)
some = counts.filter(lambda found: sum(found.values()) > 0)


@pytest.mark.parametrize(
    ("baseline", "current", "expected"),
    [
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, Chebyshev(0.0, None, 0.0, 0.0)),
        ({"a": 1}, {"b": 1}, Chebyshev(1.0, "a", 1.0, 0.0)),
        ({"a": 1, "b": 3}, {"a": 3, "b": 1}, Chebyshev(0.5, "a", 0.25, 0.75)),
        # 4/8, 3/8, 1/8 against 1/8, 4/8, 3/8: 3/8, 1/8, 2/8
        ({"a": 4, "b": 3, "c": 1}, {"a": 1, "b": 4, "c": 3}, Chebyshev(0.375, "a", 0.5, 0.125)),
        ({"a": 3, "b": 1}, {"a": 3, "b": 1, "new": 4}, Chebyshev(0.5, "new", 0.0, 0.5)),
        ({"a": 1, "b": 0}, {"a": 1}, Chebyshev(0.0, None, 0.0, 0.0)),
        ({}, {}, Chebyshev(0.0, None, 0.0, 0.0)),
        ({"a": 0}, {}, Chebyshev(0.0, None, 0.0, 0.0)),
        ({"a": 1, "b": 3}, {}, Chebyshev(0.75, "b", 0.75, 0.0)),
        ({}, {"a": 1, "b": 3}, Chebyshev(0.75, "b", 0.0, 0.75)),
    ],
)
def test_by_hand(baseline, current, expected):
    assert chebyshev(baseline, current) == expected


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_of_two_values_which_always_tie_the_first_is_named(a, b, c, d):
    found = chebyshev({"b": b, "a": a}, {"b": d, "a": c})
    assert found.value == (None if a * d == b * c else "a")


@given(counts, counts)
def test_between_0_and_1_symmetric_and_0_only_where_nothing_differs(one, other):
    found, back = chebyshev(one, other), chebyshev(other, one)
    assert 0.0 <= found.distance <= 1.0
    assert (back.distance, back.value) == (found.distance, found.value)
    assert (back.baseline_share, back.current_share) == (found.current_share, found.baseline_share)
    assert found.distance == pytest.approx(abs(found.baseline_share - found.current_share), abs=1e-15)
    assert (found.value is None) == (found.distance == 0.0)


@given(counts)
def test_identical_is_0(one):
    assert chebyshev(one, one).distance == 0.0


@given(counts, counts, counts)
def test_triangle_inequality(one, other, third):
    direct = chebyshev(one, third).distance
    assert direct <= chebyshev(one, other).distance + chebyshev(other, third).distance + 1e-15


@given(some, some, st.integers(1, 10**9))
def test_the_number_of_rows_is_nothing(one, other, factor):
    assert chebyshev({value: count * factor for value, count in one.items()}, other) == chebyshev(one, other)


@given(counts, counts)
def test_the_order_of_values_is_nothing(one, other):
    turned = dict(reversed(one.items())), dict(reversed(other.items()))
    assert chebyshev(*turned) == chebyshev(one, other)


@given(some, some)
def test_half_of_the_l1_distance_is_no_smaller(one, other):
    one_total, other_total = sum(one.values()), sum(other.values())
    differences = [abs(one.get(v, 0) / one_total - other.get(v, 0) / other_total) for v in one.keys() | other.keys()]
    assert chebyshev(one, other).distance <= sum(differences) / 2 + 1e-12
