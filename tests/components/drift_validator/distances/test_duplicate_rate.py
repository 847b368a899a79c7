import numpy as np
import pytest

from components.drift_validator.distances.duplicate_rate import duplicate_rate


def only(*arguments):
    (measured,) = duplicate_rate(*arguments, "a row")
    return measured


def test_by_hand():
    # Pooled 0.2; doubled variance 2 * 0.2 * 0.8 * (1/100 + 1/100) = 0.08^2; z = 0.2 / 0.08 = 2.5.
    found = only(0.1, 0.3, 100, 100)
    assert (found.measure, found.baseline_share, found.current_share) == ("repeated", 0.1, 0.3)
    assert found.distance == pytest.approx(0.2)
    assert found.p_value == pytest.approx(0.00620967)
    assert found.critical(0.00620967) == pytest.approx(0.2)
    assert found.detail == "a row: was 10.00%, is 30.00%"


def test_a_decrease_of_duplicates_has_distance_0():
    found = only(0.3, 0.1, 100, 100)
    assert (found.distance, found.p_value) == (0.0, 1.0)


def test_no_duplicates_in_either_sample():
    found = only(0.0, 0.0, 100, 50)
    assert (found.distance, found.p_value) == (0.0, 1.0)
    assert 0 < found.critical(0.01) < 1


def test_all_rows_are_duplicates():
    found = only(0.0, 1.0, 100, 100)
    assert found.distance == 1.0
    assert found.p_value < 1e-20
    # All rows are duplicates in both samples: variance and distance are 0.
    assert only(1.0, 1.0, 100, 100).p_value == 1.0


@pytest.mark.parametrize(
    ("share", "baseline", "current", "measured"),
    [
        (0.1, 100, 105, True),
        (0.1, 100, 106, False),  # a larger sample has more duplicates by chance
        (0.1, 300, 100, True),
        (0.0, 100, 10_000, True),  # comparable, because the baseline has no duplicates
        (0.1, 0, 100, False),
        (0.1, 100, 0, False),
    ],
)
def test_measured_only_for_comparable_sample_sizes(share, baseline, current, measured):
    assert bool(duplicate_rate(share, 0.2, baseline, current, "a row")) is measured


def test_false_alarms():
    """Uniform draws from 2,000 values: both samples have the same expected duplicate rate."""
    random = np.random.default_rng(3)

    def share(size):
        return 1 - len(np.unique(random.integers(0, 2000, size))) / size

    p_values = [only(share(500), share(500), 500, 500).p_value for _ in range(1000)]
    assert np.mean(np.array(p_values) <= 0.05) < 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5
