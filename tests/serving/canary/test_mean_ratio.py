"""The asymptotic confidence sequence for the ratio of two mean losses."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from serving.canary.arm_statistics import LossSums
from serving.canary.mean_ratio import log_e, log_e_of_means, ratio_interval


def test_formula_equals_the_integral_over_the_mixture():
    # Likelihood ratio of a Brownian motion with drift d at time V: exp(d z V - d^2 V / 2); d is half-normal.
    z, information, spread = 0.3, 40.0, 0.05

    def density(d: float) -> float:
        return 2 * stats.norm.pdf(d, scale=spread) * math.exp(d * z * information - d**2 * information / 2)

    expected = integrate.quad(density, 0, 2)[0]
    # Mean 1 and ratio 1: z is the difference of the means, the spread is the margin.
    found = log_e_of_means(1.0, 1 / information, 2, 1.3, 1 / information, 2, 1.0, spread, 1)
    assert math.exp(found) == pytest.approx(expected)


def test_parity_with_the_published_asymptotic_confidence_sequence():
    """Waudby-Smith et al., theorem 2.2: mean +- sd sqrt(2 (n r^2 + 1) / (n^2 r^2) log(sqrt(n r^2 + 1) / alpha)).

    With a known live mean; its two sides at alpha / 2 each are the one-sided ends where Phi is close to 1.
    """
    n, alpha, margin = 10_000, 0.05, 0.1
    live = LossSums(10**12, 10**12, 10**12)  # mean 1, variance 0
    canary = LossSums(n, n * 1.2, n * (1.2**2 + 0.25))  # mean 1.2, variance 1/4
    sd = math.sqrt(canary.variance)
    lower, upper = ratio_interval(live, canary, margin, alpha / 2, alpha / 2)
    for end in (lower, upper):
        r = margin * math.sqrt((1 + end**2) / 2) / sd
        radius = sd * math.sqrt(2 * (n * r**2 + 1) / (n**2 * r**2) * math.log(math.sqrt(n * r**2 + 1) / alpha))
        assert abs(end - 1.2) == pytest.approx(radius, rel=1e-4)


@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.slow
def test_level_over_many_looks(share):
    rng = np.random.default_rng(11)
    per, looks = 2_000, 100
    m = rng.binomial(per, share, (4_000, looks))
    n = per - m
    s, t = rng.binomial(n, 0.2).cumsum(1), rng.binomial(m, 0.2).cumsum(1)
    n, m = n.cumsum(1), m.cumsum(1)
    live, canary = s / n, t / m
    e = log_e_of_means(live, live * (1 - live), n, canary, canary * (1 - canary), m, 1.0, 0.05, 1)
    crossed = ((e >= math.log(20)) & (m >= 200)).any(axis=1)
    assert 0.005 < crossed.mean() <= 0.05


def test_worse_and_equal_canaries():
    live = LossSums(100_000, 10_000, 10_000)
    assert log_e(live, LossSums(50_000, 5_500, 5_500), 1.025, 0.05, 1) > math.log(20)
    assert log_e(live, LossSums(100_000, 10_000, 10_000), 1.05, 0.05, -1) > math.log(20)
    assert ratio_interval(live, LossSums(1, 0, 0), 0.05, 0.05, 0.05) == (0.0, math.inf)
    assert ratio_interval(LossSums(5, 0, 0), live, 0.05, 0.05, 0.05) == (0.0, math.inf)


def test_losses_without_variance_do_not_divide_by_zero():
    same = LossSums(1_000, 1_000, 1_000)
    assert ratio_interval(same, same, 0.05, 0.05, 0.05) == pytest.approx((1, 1), abs=1e-9)
