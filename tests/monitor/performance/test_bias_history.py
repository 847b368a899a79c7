import numpy as np
import pytest
from scipy.stats import norm

from monitor.performance.bias_history import BiasPrior, bias_history


def test_one_normal_component_is_bayes_rule():
    prior = BiasPrior(np.array([1.0]), np.array([0.0]), np.array([4.0]))
    after = prior.updated(3.0, 12.0)  # gain 4 / 16
    assert after.means[0] == pytest.approx(0.75) and after.variances[0] == pytest.approx(3.0)
    mean, low, high = after.widened(1.0).interval(0.9)
    assert (mean, low, high) == pytest.approx((0.75, 0.75 - 2 * norm.ppf(0.95), 0.75 + 2 * norm.ppf(0.95)))
    assert prior.p_value(4.0, 0.0) == pytest.approx(2 * norm.sf(2))


def test_a_contradiction_gives_the_weight_to_the_wide_component():
    prior = BiasPrior(np.array([0.9, 0.1]), np.zeros(2), np.array([0.01, 4.0]))
    assert prior.updated(2.0, 0.01).weights[1] > 0.99
    assert prior.updated(0.0, 0.01).weights[0] > 0.95


def test_misses_widen_the_next_interval_and_hits_narrow_it():
    def width(misses):
        _, low, high = bias_history(misses, [0.01**2] * len(misses)).prior.interval(0.9)
        return high - low

    hits, misses = [0.005, -0.005] * 5, [0.3, -0.25, 0.35, -0.4, 0.3, -0.3, 0.25, -0.35, 0.4, -0.3]
    assert width(hits) < width([]) < width(misses)


def test_a_level_that_moved_moves_the_centre():
    mean, low, _ = bias_history([-0.4] * 6, [0.02**2] * 6).prior.interval(0.9)
    assert mean == pytest.approx(-0.4, abs=0.05) and low < -0.4


def test_level_is_raised_only_where_history_was_missed():
    random = np.random.default_rng(0)
    quiet = bias_history(random.normal(0, 0.05, 60), [0.05**2] * 60)
    assert quiet.raised(0.9) == pytest.approx(0.9, abs=0.06)
    assert quiet.raised(0.9) >= 0.9
    assert bias_history([0.1] * 5, [1.0] * 5).raised(0.9) == 0.9  # too few windows for the conformal quantile
