import numpy as np
import pytest

from components.drift_validator.distances.chebyshev import chebyshev
from components.drift_validator.distances.total_variation import total_variation
from tests.components.drift_validator.distributions import aligned


@pytest.mark.parametrize(
    ("baseline", "current", "distance"),
    [
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, 0.0),
        ({"a": 1}, {"b": 1}, 1.0),
        # 4/8, 3/8, 1/8 against 1/8, 4/8, 3/8: (3 + 1 + 2) / 8 / 2
        ({"a": 4, "b": 3, "c": 1}, {"a": 1, "b": 4, "c": 3}, 0.375),
        ({}, {}, 0.0),
        ({"a": 1, "b": 3}, {}, 0.5),
    ],
)
def test_by_hand(baseline, current, distance):
    found = total_variation(aligned(baseline, current))
    assert found.distance == distance
    assert found.detail == (f"{distance:.1%} of the values would have to change" if distance else "")


def test_two_values_give_the_chebyshev_distance_and_p_value():
    both = aligned({"a": 60, "b": 40}, {"a": 45, "b": 55})
    found, other = total_variation(both), chebyshev(both)
    assert found.distance == other.distance
    assert found.p_value == pytest.approx(other.p_value)
    assert found.critical(0.01) == pytest.approx(other.critical(0.01))


def test_many_small_changes_that_chebyshev_does_not_detect():
    baseline = {f"v{kind:03d}": 1000 for kind in range(100)}
    current = {f"v{kind:03d}": 1050 if kind % 2 else 950 for kind in range(100)}
    assert chebyshev(aligned(baseline, current)).p_value > 0.1
    assert total_variation(aligned(baseline, current)).p_value < 1e-6


def test_unique_values_are_not_significant():
    one, other = ({f"{side}{row}": 1 for row in range(1000)} for side in "ab")
    found = total_variation(aligned(one, other))
    assert found.distance == 1.0
    assert found.p_value >= 0.5


def test_mean_and_critical_value_equal_a_simulated_permutation():
    random = np.random.default_rng(0)
    counts = random.integers(1, 40, 60)
    pooled = np.repeat(np.arange(60), counts)
    n = len(pooled) // 3
    distances = []
    for _ in range(2000):
        random.shuffle(pooled)
        c, d = np.bincount(pooled[:n], minlength=60), np.bincount(pooled[n:], minlength=60)
        distances.append(np.abs(c / n - d / (len(pooled) - n)).sum() / 2)
    both = aligned(*({f"v{kind:02d}": int(count) for kind, count in enumerate(side)} for side in (c, d)))
    law = total_variation(both)
    for level in (0.1, 0.01):
        assert law.critical(level) == pytest.approx(np.quantile(distances, 1 - level), rel=0.03)


def test_without_values_on_a_side_nothing_is_significant():
    for both in (aligned({"a": 9, "b": 9}, {}), aligned({}, {}), aligned({"a": 9}, {"a": 9})):
        assert total_variation(both).p_value == 1.0
        assert total_variation(both).critical(0.05) == 1.0
