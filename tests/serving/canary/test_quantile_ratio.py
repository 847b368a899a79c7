"""The confidence sequence for the ratio of two quantiles, from latency histograms."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln

from serving.canary.arm_statistics import BIN_RATIO, BINS, SHORTEST, latency_bins, latency_counts
from serving.canary.quantile_ratio import log_e_at_least, log_e_at_most, quantile, ratio_interval


def cumulative(seconds: np.ndarray) -> np.ndarray:
    return latency_counts(seconds).cumsum()


def test_bins():
    edges = SHORTEST * BIN_RATIO ** np.array([0.5, 1.5, 100.5])
    assert latency_bins(edges).tolist() == [0, 1, 100]
    assert latency_bins(np.array([0.0, 1e-9, 1e9])).tolist() == [0, 0, BINS - 1]


@pytest.mark.parametrize("p", [0.5, 0.99])
def test_quantile_within_a_bin_of_numpy(p):
    seconds = 0.02 * np.random.default_rng(1).lognormal(0, 0.5, 10_001)
    assert quantile(cumulative(seconds), p, SHORTEST, BIN_RATIO) == pytest.approx(np.quantile(seconds, p), rel=0.011)
    assert math.isnan(quantile(np.zeros(BINS), p, SHORTEST, BIN_RATIO))


@pytest.mark.parametrize(("p", "n"), [(0.5, 40), (0.9, 60)])
def test_process_of_one_arm_is_a_martingale(p, n):
    """E M(S) = 1 for S ~ Binomial(n, p), the formula of the docstring."""
    c = max(100, 10 / min(p, 1 - p))
    s = np.arange(n + 1)
    log_m = betaln(c * p + s, c * (1 - p) + n - s) - betaln(c * p, c * (1 - p)) - stats.binom.logpmf(s, n, p)
    log_m += np.array([math.log(math.comb(n, int(k))) for k in s])
    assert (stats.binom.pmf(s, n, p) * np.exp(log_m)).sum() == pytest.approx(1)


def test_value_worked_by_hand():
    # Median; all 4 live requests in bin 0, all 4 of the canary in bin 10. H0 (ratio <= 1) holds only if the canary's
    # median is in a bin up to 0 (S = 0), or live's in bin 10 or later (S = 4): E = M(0 or 4) M(2), with
    # M(S) = B(50 + S, 54 - S) 2^4 / B(50, 50).
    live, canary = np.zeros(20), np.zeros(20)
    live[0:], canary[10:] = 4, 4
    m = [math.exp(betaln(50 + s, 54 - s) - betaln(50, 50)) * 16 for s in range(5)]
    assert math.exp(log_e_at_most(live, canary, 0.5, 1.0, 1.01)) == pytest.approx(m[0] * m[2])
    assert math.exp(log_e_at_least(live, canary, 0.5, 1.0, 1.01)) == pytest.approx(m[2] * m[2])


@pytest.mark.parametrize("p", [0.5, 0.99])
def test_shift_is_found_and_the_interval_covers_it(p):
    rng = np.random.default_rng(3)
    live, canary = cumulative(rng.lognormal(-4, 0.5, 50_000)), cumulative(1.3 * rng.lognormal(-4, 0.5, 5_000))
    assert log_e_at_most(live, canary, p, 1.05, BIN_RATIO) > math.log(20)
    lower, upper = ratio_interval(live, canary, p, BIN_RATIO, 0.05, 0.05)
    assert 1.05 < lower < 1.3 < upper < 1.8
    assert log_e_at_most(live, canary, p, lower, BIN_RATIO) >= math.log(20)
    assert log_e_at_most(live, canary, p, lower * BIN_RATIO, BIN_RATIO) < math.log(20)


def test_equal_arms_become_non_inferior():
    rng = np.random.default_rng(4)
    live, canary = cumulative(rng.lognormal(-4, 0.5, 200_000)), cumulative(rng.lognormal(-4, 0.5, 20_000))
    assert log_e_at_least(live, canary, 0.99, 1.1, BIN_RATIO) > math.log(20)
    assert log_e_at_most(live, canary, 0.99, 1.0, BIN_RATIO) < math.log(20)


def test_no_observation_shows_nothing():
    empty, some = np.zeros(BINS), cumulative(np.full(10_000, 0.01))
    for live, canary in ((empty, some), (some, empty), (empty, empty)):
        assert log_e_at_most(live, canary, 0.5, 0.5, BIN_RATIO) <= 0
        assert ratio_interval(live, canary, 0.5, BIN_RATIO, 0.05, 0.05) == (0.0, math.inf)


@pytest.mark.parametrize("p", [0.5, 0.9])
@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.slow
def test_level_over_many_looks(p, rounded):
    """At most 5 % of 400 paths with 50 looks ever cross; also with ties, latencies rounded to 5 ms."""
    rng = np.random.default_rng(5)
    crossed = 0
    for _ in range(400):
        arms = []
        for size in (4_000, 1_000):
            seconds = rng.lognormal(-4, 0.5, size)
            bins = latency_bins(np.ceil(seconds / 0.005) * 0.005 if rounded else seconds)
            counts = np.zeros((50, BINS), int)
            np.add.at(counts, (np.arange(size) * 50 // size, bins), 1)
            arms.append(counts.cumsum(0).cumsum(1)[:, 700:1300])
        crossed += bool((log_e_at_most(*arms, p, 1.0, BIN_RATIO) >= math.log(20)).any())
    assert crossed <= 20
