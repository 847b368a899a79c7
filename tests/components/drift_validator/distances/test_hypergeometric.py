import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from components.drift_validator.distances import hypergeometric
from components.drift_validator.distances.hypergeometric import (
    all_on_one_side,
    critical_distance,
    mean_absolute_deviation,
    quantile,
    standard_deviation,
    survival,
    two_sided_p_value,
)

SIZES = [(10, 10, 6), (50, 30, 20), (500, 700, 300), (3000, 1000, 2500), (100_000, 50_000, 30_000), (100_000, 1000, 90)]


@pytest.mark.parametrize(("n", "m", "t"), SIZES)
def test_tail_bounds_are_close_to_the_exact_tails(n, m, t):
    k = np.arange(max(0, t - m), min(t, n) + 2)
    exact = hypergeom.sf(k - 1, n + m, t, n)
    bound = survival(k, np.full(len(k), t), n, m)
    tail = (exact < 0.4) & (exact > 1e-30)  # further out, gamma functions lose precision
    assert (bound[exact > 1e-30] >= exact[exact > 1e-30] * (1 - 1e-7)).all()
    assert (bound[tail] <= exact[tail] * 1.01).all()
    assert (bound[k > min(t, n)] == 0).all()


@pytest.mark.parametrize(("n", "m", "t"), SIZES)
def test_moments(n, m, t):
    k = np.arange(max(0, t - m), min(t, n) + 1)
    exact = float(np.abs(k - t * n / (n + m)) @ hypergeom.pmf(k, n + m, t, n))
    assert mean_absolute_deviation(np.array([t]), n, m)[0] == pytest.approx(exact, rel=1e-6)
    assert standard_deviation(np.array([t]), n, m)[0] == pytest.approx(hypergeom.std(n + m, t, n), rel=1e-9)


def test_both_tails_by_hand():
    # Both of two equal values in the baseline sample, of 2 + 2: 1 in 6; neither: 1 in 6. Shares 1 and 0 differ by 4/4.
    assert two_sided_p_value(np.array([2]), 2, 2, 4) == pytest.approx([1 / 3])
    assert two_sided_p_value(np.array([2]), 2, 2, 0) == pytest.approx([1.0])
    assert two_sided_p_value(np.array([1, 2, 3]), 2, 2, 5) == pytest.approx([0.0, 0.0, 0.0])


def test_all_on_one_side_by_hand():
    # 2/4; 2/4 * 1/3; impossible
    assert np.exp(all_on_one_side(np.array([1, 2, 3]), 2, 4)) == pytest.approx([1 / 2, 1 / 6, 0.0])


def test_critical_value_of_decreasing_p_values():
    assert quantile(lambda far: math.exp(-far), 3, 3, 0.05) == 2  # e^-2 = 0.14, e^-3 = 0.0498
    assert quantile(lambda far: 1.0, 3, 3, 0.05) == 9  # never
    assert quantile(lambda far: math.exp(-far / 1e6), 10**5, 10**5, 0.05) == pytest.approx(2.9957e6, rel=1e-3)


@pytest.mark.parametrize("level", [0.5, 0.05, 1e-6])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (10, 7), (300, 40), (40, 2000)])
def test_critical_distance_is_that_of_the_exact_tails(n, m, level):
    random = np.random.default_rng(n)
    for counts in (np.array([1]), np.array([(n + m) // 2]), random.multinomial(n + m, [0.1, 0.2, 0.3, 0.4])):
        times = np.arange(1.0, len(counts) + 1)
        k = np.arange(n + 1)
        far = np.abs(k * (n + m) - counts[:, None] * n)  # of each value and count
        weights = times[:, None] * np.nan_to_num(hypergeom.pmf(k, n + m, counts[:, None], n))
        likely = [one for one in np.unique(far) if weights[far >= one].sum() > level]
        assert critical_distance(counts, times, n, m, level) == likely[-1]


def test_critical_distance_of_many_counts_is_searched(monkeypatch):
    counts, times = np.random.default_rng(1).multinomial(6000, np.full(30, 1 / 30)), np.ones(30)
    summed = critical_distance(counts, times, 4000, 2000, 0.05)
    monkeypatch.setattr(hypergeometric, "_MAX_STEPS", 0)
    assert summed <= critical_distance(counts, times, 4000, 2000, 0.05) <= summed * 1.01
