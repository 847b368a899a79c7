import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.drift_validator.distances.decimal_places import decimals, number_of_decimals
from tests.components.drift_validator.distributions import numbers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, 0), (-3.0, 0), (1e300, 0), (0.5, 1), (39.92, 2), (-62.21, 2), (17.2617, 4), (0.000001, 6),
        (1 / 3, 7), (float(np.float32(0.1)), 1), (float(np.float32(39.92)), 2), (float(np.float32(17.2617)), 4),
        (16_777_217.0, 0), (1234567.89, 2), (5e-324, 7), (0.1 + 0.2, 1),
    ],
)  # fmt: skip
def test_by_hand(value, expected):
    assert number_of_decimals(np.array([value])).tolist() == [expected]


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_at_most_the_number_of_decimals_as_written(digits, places):
    found = number_of_decimals(np.array([digits / 10**places]))[0]
    assert found <= places
    assert round(digits / 10**places, int(found)) == pytest.approx(digits / 10**places, rel=1e-6)


def test_lost_precision():
    random = np.random.default_rng(0)
    exact = random.normal(60, 10, 1000).round(2)
    found = decimals(numbers(exact), numbers(exact.round()))
    assert found.measure == "decimals"
    assert found.distance > 0.85
    assert found.p_value < 1e-9
    assert found.detail.startswith("values with no decimals were")
    half = decimals(numbers(exact), numbers(np.where(np.arange(1000) < 500, exact, exact.round(1))))
    assert 0.4 < half.distance < 0.6
    assert (half.at, half.detail.split(" were")[0]) == ("2", "values with 2 decimals")


def test_not_measured_for_integers_and_empty_columns():
    assert decimals(numbers([1, 2, 3]), numbers([4, 5])) is None
    assert decimals(numbers([]), numbers([0.5])) is None
    assert decimals(numbers([np.inf]), numbers([0.5])) is None
    assert decimals(numbers([0.5]), numbers([0.5])).distance == 0.0


def test_many_values_are_sampled_at_evenly_spaced_ranks():
    random = np.random.default_rng(0)
    exact = random.normal(size=200_000)
    found = decimals(numbers(exact), numbers(np.where(random.random(200_000) < 0.2, exact.round(1), exact)))
    assert found.distance == pytest.approx(0.2, abs=0.01)
    assert found.at == "more"
    assert found.detail.startswith("values with more than 6 decimals were 100.0%, are ")
