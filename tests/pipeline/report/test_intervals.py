import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from pipeline.report import intervals


@settings(deadline=None)  # scipy warms up
@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilson_as_scipy_has_it(trials, share):
    successes = round(share * trials)
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert intervals.wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_auc_by_hand():
    # A = 0.8, P = N = 2: Q1 = 0.8/1.2 = 2/3, Q2 = 1.28/1.8; SE^2 = (0.16 + 2/3 - 0.64 + 1.28/1.8 - 0.64) / 4 = 0.0644
    low, high = intervals.auc(0.8, 2, 2)
    assert (low, high) == pytest.approx((0.8 - 1.96 * 0.25386, 1.0), abs=1e-3)


def test_the_interval_of_an_auc_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    truth, inside = stats.norm.cdf(1 / np.sqrt(2)), 0  # AUC of N(1, 1) against N(0, 1)
    labels = np.repeat([0, 1], [150, 60])
    for _ in range(300):
        low, high = intervals.auc(roc_auc_score(labels, rng.normal(labels)), 60, 150)
        inside += low <= truth <= high
    assert 0.91 <= inside / 300 <= 0.99


def test_average_precision_by_hand():
    # logit(0.5) = 0, half = 1.96 / sqrt(100 * 0.25) = 0.392; 1 / (1 + e^0.392) = 0.4032
    assert intervals.average_precision(0.5, 100) == pytest.approx((0.4032, 0.5968), abs=1e-3)


def test_nothing_can_be_said_without_rows_of_a_class():
    assert intervals.wilson(0, 0) is None
    assert intervals.auc(0.7, 0, 10) is None
    assert intervals.average_precision(0.0, 10) is None
    assert intervals.average_precision(1.0, 10) is None
    assert intervals.average_precision(0.5, 0) is None
