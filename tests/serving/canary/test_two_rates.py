"""The e-process for two Bernoulli rates: exact values, its level, and its interval."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from serving.canary.two_rates import PRIOR, difference_interval, log_e_at, log_e_at_least, log_e_at_most


def test_value_worked_by_hand():
    # Mixture likelihoods: live 0 of 1: (1/2 + 50/50.5) / 2; canary 1 of 1: (1/2 + 0.5/50.5) / 2. Both rates p: 1/4.
    live, canary = (0.5 + 50 / 50.5) / 2, (0.5 + 0.5 / 50.5) / 2
    assert np.exp(log_e_at(0, 1, 1, 1, 0.0)) == pytest.approx(live * canary / 0.25)


@pytest.mark.parametrize("counts", [(3, 40, 5, 20), (0, 500, 4, 30), (7, 7, 0, 3)])
@pytest.mark.parametrize("difference", [-0.3, 0.0, 0.02])
def test_parity_with_numerical_integration_and_optimisation(counts, difference):
    s, n, t, m = counts

    def mixture(successes: int, size: int) -> float:
        def weighted(q: float, a: float, b: float) -> float:
            return float(q**successes * (1 - q) ** (size - successes) * stats.beta(a, b).pdf(q))

        return math.log(sum(integrate.quad(weighted, 0, 1, args=prior, limit=500)[0] for prior in PRIOR) / 2)

    def loss(p: float) -> float:
        q = p + difference
        return -float(stats.binom.logpmf(s, n, p) + stats.binom.logpmf(t, m, q))

    low, high = max(0, -difference), min(1, 1 - difference)
    grid = np.linspace(low, high, 2001)
    best = grid[int(np.argmin([loss(p) for p in grid]))]
    near = (max(low, best - 1e-3), min(high, best + 1e-3))
    found = -min(optimize.minimize_scalar(loss, bounds=near, method="bounded").fun, loss(low), loss(high))
    constants = math.log(math.comb(n, s)) + math.log(math.comb(m, t))
    expected = mixture(s, n) + mixture(t, m) - (found - constants)
    assert float(log_e_at(s, n, t, m, difference)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("p", "q"), [(0.1, 0.1), (0.5, 0.5), (0.02, 0.02), (0.6, 0.3), (0.0, 0.0)])
def test_expectation_under_the_null_hypothesis_is_at_most_one(p, q):
    n, m = 12, 5
    s, t = np.meshgrid(np.arange(n + 1), np.arange(m + 1), indexing="ij")
    weights = stats.binom.pmf(s, n, p) * stats.binom.pmf(t, m, q)
    assert weights.sum() == pytest.approx(1)
    assert (weights * np.exp(log_e_at_most(s, n, t, m, 0.0))).sum() <= 1
    assert (weights * np.exp(log_e_at_least(s, n, t, m, q - p))).sum() <= 1


def test_one_sided_processes():
    assert log_e_at_most(10, 1000, 60, 1000, 0.0) > math.log(20) > log_e_at_least(10, 1000, 60, 1000, 0.0)
    assert log_e_at_least(60, 1000, 10, 1000, 0.0) > math.log(20) > log_e_at_most(60, 1000, 10, 1000, 0.0)
    # Without observations of an arm nothing is shown, whatever the other one did.
    assert (log_e_at_most(0, 0, 500, 500, 0.5), log_e_at_least(0, 0, 0, 500, 0.5)) == (0, 0)


def test_live_arm_without_errors():
    assert log_e_at_most(0, 100_000, 12, 1_000, 0.001) > math.log(20)
    assert log_e_at_least(0, 100_000, 0, 5_000, 0.005) > math.log(20)


@pytest.mark.parametrize("share", [0.01, 0.25])
@pytest.mark.slow
def test_level_over_many_looks(share):
    """Ville's inequality: at most 5 % of 2,000 paths ever cross, with a look after each 500 of 100,000 requests."""
    rng = np.random.default_rng(7)
    canary = rng.binomial(500, share, (2_000, 200))
    live = 500 - canary
    s, t = rng.binomial(live, 0.02).cumsum(1), rng.binomial(canary, 0.02).cumsum(1)
    e = log_e_at_most(s, live.cumsum(1), t, canary.cumsum(1), 0.0)
    assert (e >= math.log(20)).any(axis=1).mean() <= 0.05


def test_interval_agrees_with_the_processes_and_covers():
    lower, upper = difference_interval([10, 0], [1_000, 10_000], [60, 0], [1_000, 100], 0.05, 0.01)
    for end, level, process in ((lower, 0.05, log_e_at_most), (upper, 0.01, log_e_at_least)):
        at = process([10, 0], [1_000, 10_000], [60, 0], [1_000, 100], end)
        assert at == pytest.approx([math.log(1 / level)] * 2, abs=1e-4)
    assert lower[0] < 0.05 < upper[0]
    # A fixed-sample interval (Newcombe's) lies within one that holds at all looks.
    assert lower[0] < 0.034 and upper[0] > 0.068
