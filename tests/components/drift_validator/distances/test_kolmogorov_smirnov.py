import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from components.drift_validator.distances.aligned_histograms import align_numbers
from components.drift_validator.distances.kolmogorov_smirnov import kolmogorov_smirnov, outside
from components.drift_validator.sketches.sketch import NumberCounts
from tests.components.drift_validator.distributions import aligned_numbers


@pytest.mark.parametrize(
    ("baseline", "current", "expected"),
    [
        ([1, 2], [2, 1, 1, 2], (0.0, None, None, None)),
        ([1, 2], [3, 4], (1.0, 2.0, 1.0, 0.0)),
        # F = 1/4, 1/2, 3/4, 1; G = 0, 1/4, 1/2, 3/4, 1 at 1, 2, 3, 4, 5
        ([1, 2, 3, 4], [2, 3, 4, 5], (0.25, 1.0, 0.25, 0.0)),
        ([0, 0, 1], [0, 1, 1], (1 / 3, 0.0, 2 / 3, 1 / 3)),
        ([-math.inf, 1], [1, math.inf], (0.5, "-inf", 0.5, 0.0)),
        ([], [], (0.0, None, None, None)),
        ([1, 2], [], (1.0, 2.0, 1.0, 0.0)),
        ([], [1, 2], (1.0, 2.0, 0.0, 1.0)),
    ],
)
def test_by_hand(baseline, current, expected):
    found = kolmogorov_smirnov(aligned_numbers(baseline, current))
    assert (found.distance, found.at, found.baseline_share, found.current_share) == expected


def test_detail_names_the_point():
    found = kolmogorov_smirnov(aligned_numbers([36.5] * 102 + [50] * 898, [36.5] * 550 + [50] * 450))
    assert found.detail == "at or below 36.5: was 10.2%, is 55.0%"


@pytest.mark.parametrize(("n", "m"), [(5, 5), (7, 3), (10, 13), (100, 77), (300, 300), (1, 50)])
@pytest.mark.parametrize("shift", [0.0, 0.3, 0.8])
def test_statistic_and_exact_p_value_equal_scipy(n, m, shift):
    random = np.random.default_rng(n + m)
    one, other = random.normal(size=n), random.normal(size=m) + shift
    found = kolmogorov_smirnov(aligned_numbers(one, other))
    expected = ks_2samp(one, other, method="exact")
    assert found.distance == pytest.approx(expected.statistic, abs=1e-12)
    if expected.pvalue > 1e-9:
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-4)


@pytest.mark.parametrize(("n", "m"), [(2000, 2000), (3000, 500)])
def test_asymptotic_p_value_is_close_to_the_exact_one(n, m):
    random = np.random.default_rng(n)
    one, other = random.normal(size=n), random.normal(size=m) + 0.06
    found = kolmogorov_smirnov(aligned_numbers(one, other))
    exact = ks_2samp(one, other, method="exact").pvalue
    assert exact * 0.999 <= found.p_value <= exact * 1.2


def test_paths_by_hand():
    # Of the 6 paths from (0, 0) to (2, 2), 2 leave |i 2 - j 2| < 4, and only (1, 0) or (0, 1) come first: all reach 2.
    assert outside(2, 2, 4) == pytest.approx(1 / 3)
    assert outside(2, 2, 2) == 1.0
    assert outside(2, 2, 5) == pytest.approx(0.0)


def test_critical_value_has_the_p_value_of_the_level():
    for n, m in ((100, 77), (5000, 3000)):
        law = kolmogorov_smirnov(aligned_numbers(np.arange(n), np.arange(m)))
        for level in (0.05, 0.001):
            expected = math.sqrt(-math.log(level / 2) / 2 * (n + m) / (n * m))  # the first term of Kolmogorov's series
            assert law.critical(level) == pytest.approx(expected, rel=0.08)
    assert law.critical(0.001) > law.critical(0.05)
    assert kolmogorov_smirnov(aligned_numbers([1], [2])).critical(0.05) == 1.0


def test_rank_error_of_sketches_is_subtracted():
    exact = NumberCounts(np.arange(1000.0), np.ones(1000, np.int64))
    moved = np.arange(1000.0) + 80
    sharp = kolmogorov_smirnov(align_numbers(exact, NumberCounts(moved, exact.counts)))
    blurred = kolmogorov_smirnov(align_numbers(exact, NumberCounts(moved, exact.counts, rank_error=0.05)))
    assert blurred.distance == sharp.distance == 0.08
    assert sharp.p_value < 0.01 < 0.5 < blurred.p_value
    assert blurred.critical(0.05) == pytest.approx(sharp.critical(0.05) + 0.05)


def test_p_value_of_two_values_equals_fisher():
    """A label: 150 of 1,000 against 190 of 1,000; the null distribution for continuous values would give 0.4."""
    from scipy.stats import hypergeom

    found = kolmogorov_smirnov(aligned_numbers([0] * 850 + [1] * 150, [0] * 810 + [1] * 190))
    law = hypergeom(2000, 340, 1000)
    exact = law.cdf(150) + law.sf(189)
    assert found.distance == pytest.approx(0.04)
    assert exact <= found.p_value <= exact * 1.01
    assert found.critical(exact * 1.02) <= 0.04
