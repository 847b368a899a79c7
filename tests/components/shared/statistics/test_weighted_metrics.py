"""Precision, recall and calibration; the other weighted metrics are compared with scikit-learn in test_bootstrap.py."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from components.shared.statistics.weighted_metrics import ThresholdMetrics, calibration_error


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10), st.integers(0, 3)), min_size=1, max_size=40))
def test_precision_and_recall_equal_scikit_learn(rows):
    labels, scores, weights = np.array([(0, 0, 1), (1, 10, 1), *rows]).T
    found = dict(
        zip(ThresholdMetrics.names, ThresholdMetrics(labels, scores / 10, 0.45)(weights.astype(float)), strict=True)
    )
    weighed = {"sample_weight": weights, "zero_division": 0.0}
    said = scores / 10 >= 0.45
    assert found["precision"] == pytest.approx(metrics.precision_score(labels, said, **weighed))
    assert found["recall"] == pytest.approx(metrics.recall_score(labels, said, **weighed))


def test_metrics_of_a_subset_of_rows():
    labels, probability = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.2, 0.8])
    rows = np.array([1, 2])
    assert ThresholdMetrics(labels, probability).among(rows)(np.ones(2))[-2:] == pytest.approx([1.0, 0.5])


def test_calibration_error_worked_by_hand():
    labels = np.array([0, 1, 1, 1])
    probability = np.array([0.1, 0.3, 0.8, 0.8])
    # Two bins of two rows: |0.2 - 0.5| and |0.8 - 1|, half of the rows each.
    assert calibration_error(labels, probability, bins=2) == pytest.approx(0.25)
    # One bin: |0.5 - 0.75|.
    assert calibration_error(labels, probability, bins=1) == pytest.approx(0.25)


def test_equal_probabilities_are_in_one_bin():
    """The prior is calibrated in the large, regardless of the order of its rows."""
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    assert calibration_error(labels, np.full(8, 3 / 8)) == pytest.approx(0.0)


def test_calibration_error_of_a_calibrated_and_of_an_overconfident_model():
    random = np.random.default_rng(0)
    true = random.random(50_000)
    labels = random.random(50_000) < true
    assert calibration_error(labels, true) < 0.01
    assert calibration_error(labels, np.where(true > 0.5, 1.0, 0.0)) == pytest.approx(0.25, abs=0.01)
    assert np.isnan(calibration_error(labels[:0], true[:0]))
