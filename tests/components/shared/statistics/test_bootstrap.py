"""Weighted metrics compared with scikit-learn; intervals compared with known results."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from components.shared.statistics.bootstrap import paired_intervals
from components.shared.statistics.weighted_metrics import (
    BinaryMetrics,
    MeanMetrics,
    multiclass_metrics,
    regression_metrics,
)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.sampled_from([2, 5, 1000]))
def test_binary_metrics_equal_scikit_learn(seed, rows, values):
    random = np.random.default_rng(seed)
    labels = np.append([0, 1], random.integers(0, 2, rows))
    scores = random.integers(0, values, rows + 2) / values  # few values: ties
    weights = np.append([1, 1], random.integers(0, 4, rows)).astype(float)
    weighed = {"sample_weight": weights}
    found = dict(zip(BinaryMetrics.names, BinaryMetrics(labels, scores, 0.4)(weights), strict=True))
    assert found == pytest.approx(
        {
            "auc": metrics.roc_auc_score(labels, scores, **weighed),
            "average_precision": metrics.average_precision_score(labels, scores, **weighed),
            "f1": metrics.f1_score(labels, scores >= 0.4, **weighed),
            "accuracy": metrics.accuracy_score(labels, scores >= 0.5, **weighed),
            "log_loss": metrics.log_loss(labels, np.clip(scores, 1e-7, 1 - 1e-7), **weighed),
        }
    )


def test_multiclass_and_regression_metrics_equal_scikit_learn():
    random = np.random.default_rng(0)
    labels, weights = random.integers(0, 3, 50), random.integers(0, 4, 50).astype(float)
    probabilities = random.dirichlet([1, 1, 1], 50)
    assert multiclass_metrics(labels, probabilities)(weights) == pytest.approx(
        [
            metrics.accuracy_score(labels, probabilities.argmax(axis=1), sample_weight=weights),
            metrics.log_loss(labels, probabilities, sample_weight=weights),
        ]
    )
    truth, said = random.normal(size=50), random.normal(size=50)
    assert regression_metrics(truth, said)(weights) == pytest.approx(
        [
            metrics.root_mean_squared_error(truth, said, sample_weight=weights),
            metrics.mean_absolute_error(truth, said, sample_weight=weights),
        ]
    )


def test_weight_equals_repeated_rows():
    labels, scores, weights = np.array([0, 1, 1, 0]), np.array([0.1, 0.4, 0.4, 0.6]), np.array([1, 0, 2, 3])
    again = np.repeat(np.arange(4), weights)
    assert BinaryMetrics(labels, scores)(weights.astype(float)) == pytest.approx(
        BinaryMetrics(labels[again], scores[again])(np.ones(6))
    )


def test_auc_of_one_class_is_undefined():
    found = BinaryMetrics(np.zeros(3), np.array([0.1, 0.2, 0.3]))(np.ones(3))
    assert np.isnan(found[:2]).all()
    assert found[3] == 1.0


def test_model_compared_with_itself_has_no_difference():
    random = np.random.default_rng(1)
    judge = BinaryMetrics(random.integers(0, 2, 200), random.random(200))
    for one in paired_intervals(judge, judge, 200, resamples=20)[""].values():
        assert (one.delta, one.low, one.high) == (0.0, 0.0, 0.0)
        assert not one.excludes_zero


def test_interval_of_a_mean_equals_the_textbook_formula():
    """For a difference of accuracies, whose standard error is known: sd / sqrt(N)."""
    random = np.random.default_rng(2)
    rows = 4000
    was, now = (random.random(rows) < share for share in (0.70, 0.75))
    found = paired_intervals(MeanMetrics({"accuracy": was}), MeanMetrics({"accuracy": now}), rows, resamples=2000)[""][
        "accuracy"
    ]
    difference = now.astype(float) - was
    half = 1.959964 * difference.std(ddof=1) / np.sqrt(rows)
    assert (found.low, found.high) == pytest.approx((difference.mean() - half, difference.mean() + half), abs=0.002)
    assert found.excludes_zero


def test_pairing_narrows_the_interval():
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 1000)
    score = labels + random.normal(size=1000)
    near, far = score + 0.05 * random.normal(size=1000), labels + random.normal(size=1000)
    widths = []
    for other in (near, far):
        one = paired_intervals(BinaryMetrics(labels, score), BinaryMetrics(labels, other), 1000, resamples=200)[""][
            "auc"
        ]
        widths.append(one.high - one.low)
    assert widths[0] < widths[1] / 3


def test_slices_and_undefined_metrics():
    random = np.random.default_rng(4)
    labels = random.integers(0, 2, 200)
    labels[:40] = 0
    labels[0] = 1
    calculators = [BinaryMetrics(labels, random.random(200)) for _ in range(2)]
    slices = {"one positive": np.arange(40), "small": np.arange(10), "rest": np.arange(40, 200)}
    found = paired_intervals(*calculators, 200, slices, resamples=100)
    assert set(found) == {"", "one positive", "rest"}
    auc = found["one positive"]["auc"]  # its one positive row is missing from about a third of the draws
    assert (auc.low, auc.high) == (None, None)
    assert auc.delta == auc.after - auc.before
    assert found["one positive"]["accuracy"].low is not None
    assert found["rest"]["auc"].low <= found["rest"]["auc"].delta <= found["rest"]["auc"].high


def test_results_are_deterministic():
    random = np.random.default_rng(5)
    calculators = [BinaryMetrics(random.integers(0, 2, 100), random.random(100)) for _ in range(2)]
    assert paired_intervals(*calculators, 100, resamples=20) == paired_intervals(*calculators, 100, resamples=20)
