import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.shared.examples.example_reading import record_batches
from components.shared.serving.serving_contract import (
    DECISION_THRESHOLD,
    decides,
    decision_threshold,
    likeliest,
    load_model,
    matched,
)
from components.shared.statistics.threshold_selection import GRID
from components.shared.statistics.weighted_metrics import ThresholdMetrics
from tests.components.served_models import save_regression, write_split


def test_row_at_the_threshold_is_positive_in_float32():
    """0.29 in float64 differs from 0.29 in float32, 0.28999999."""
    below = np.nextafter(np.float32(0.29), np.float32(0))
    probability = np.array([0.28, 0.29, below, 0.3], np.float32)
    assert decides(probability, 0.29).tolist() == [False, True, False, True]
    assert decides(probability.astype(np.float64), 0.29).tolist() == [False, True, False, True]


@pytest.mark.slow
def test_graph_of_a_served_model_applies_the_same_rule():
    import tensorflow as tf

    probability = np.concatenate([np.nextafter(GRID.astype(np.float32), np.float32(at)) for at in (0, 1)])
    probability = np.append(probability, GRID.astype(np.float32))
    for threshold in GRID[::7]:
        in_graph = tf.function(lambda p, t=float(threshold): p >= t)(tf.constant(probability)).numpy()
        assert decides(probability, float(threshold)).tolist() == in_graph.tolist()


@given(
    arrays(np.float32, 20, elements=st.sampled_from([0.0, 0.28, 0.29, 0.5, 1.0])), st.sampled_from([0.29, 0.5, 0.28])
)
def test_metrics_apply_the_same_rule(probability, threshold):
    labels = np.arange(20) % 2
    found = dict(
        zip(ThresholdMetrics.names, ThresholdMetrics(labels, probability, threshold)(np.ones(20)), strict=True)
    )
    called = decides(probability, threshold)
    assert found["recall"] == pytest.approx((called & (labels == 1)).sum() / 10)


def test_first_of_equally_probable_classes_is_predicted():
    assert likeliest(np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]])).tolist() == [0, 1]


def test_classes_are_matched_by_name():
    probabilities = np.array([[0.1, 0.9]], np.float32)
    assert matched(probabilities, ("c", "a"), ("a", "b", "c")) == pytest.approx(np.array([[0.9, 0.0, 0.1]]))
    assert matched(probabilities, ("a", "b"), ("a", "b")) is probabilities


def test_decision_threshold_is_read_from_a_model(tmp_path):
    assert decision_threshold(tmp_path) == 0.5
    (tmp_path / DECISION_THRESHOLD).parent.mkdir()
    (tmp_path / DECISION_THRESHOLD).write_text('{"threshold": 0.22}')
    assert decision_threshold(tmp_path) == 0.22


@pytest.mark.slow
def test_the_same_model_is_loaded_once(tmp_path):
    save_regression(tmp_path / "model", slope=2.0)
    first = load_model(tmp_path / "model")
    assert load_model(tmp_path / "model") is first
    (tmp_path / "model").rename(tmp_path / "old")
    save_regression(tmp_path / "model", slope=3.0)
    (rows,) = record_batches(write_split(tmp_path / "examples", ["a"], [1.0], [1]))
    assert load_model(tmp_path / "model").predict(rows).output.tolist() == [3.0]
    assert load_model(tmp_path / "old").predict(rows).output.tolist() == [2.0]
