import numpy as np
import pytest

from components.evaluator.fairness import FairnessDisparity, fairness_disparities


def test_two_groups_worked_by_hand():
    # A: 2 true positives, 1 false negative, 1 false positive; B: 1 true positive, 1 false negative, 2 true negatives
    labels = np.array([1, 1, 1, 0, 1, 1, 0, 0])
    probability = np.array([0.9, 0.8, 0.2, 0.7, 0.6, 0.1, 0.3, 0.2], np.float32)
    groups = {"origin": {"A": np.arange(4), "B": np.arange(4, 8)}}
    measured, gaps = fairness_disparities(labels, probability, 0.5, groups, min_rows=1)
    a, b = measured["origin"]["A"], measured["origin"]["B"]
    assert (a["rows"], a["base_rate"], a["positive_rate"]) == (4, 0.75, 0.75)
    assert (a["true_positive_rate"], a["false_positive_rate"], a["precision"]) == (2 / 3, 1.0, 2 / 3)
    assert a["bias"] == pytest.approx(0.65 - 0.75)
    assert (b["base_rate"], b["positive_rate"], b["true_positive_rate"]) == (0.5, 0.25, 0.5)
    assert (b["false_positive_rate"], b["precision"]) == (0.0, 1.0)
    found = {gap.metric: gap for gap in gaps}
    assert gaps[0] == FairnessDisparity(
        "origin", "false_positive_rate", 1.0, "B", "A", True
    )  # of a share of 0 or 1 the error is 0
    assert (found["positive_rate"].value, found["positive_rate"].significant) == (0.5, False)
    assert (found["bias"].low, found["bias"].high) == ("B", "A") if a["bias"] > b["bias"] else ("A", "B")


def test_row_at_the_threshold_is_positive():
    measured, _ = fairness_disparities(
        np.array([1, 0]), np.array([0.29, 0.28], np.float32), 0.29, {"c": {"x": np.arange(2)}}, 1
    )
    assert measured["c"]["x"]["positive_rate"] == 0.5


def test_small_groups_are_reported_but_not_compared():
    labels, probability = np.tile([0, 1], 50), np.tile([0.2, 0.9], 50)
    groups = {"c": {"big": np.arange(90), "small": np.arange(90, 100)}}
    measured, gaps = fairness_disparities(labels, probability, 0.5, groups, min_rows=50)
    assert set(measured["c"]) == {"big", "small"}
    assert gaps == []


def test_undefined_rates_have_no_gap():
    """Without a positive row the true positive rate is undefined, and without a predicted positive the precision is."""
    labels, probability = np.array([0, 0, 1, 0]), np.array([0.1, 0.2, 0.9, 0.1])
    measured, gaps = fairness_disparities(labels, probability, 0.5, {"c": {"x": np.arange(2), "y": np.arange(2, 4)}}, 1)
    assert np.isnan([measured["c"]["x"][name] for name in ("true_positive_rate", "precision")]).all()
    assert {gap.metric for gap in gaps} == {"positive_rate", "false_positive_rate", "bias"}


def test_random_gaps_are_not_significant_and_a_real_one_is():
    random = np.random.default_rng(0)
    false_alarms = 0
    for _ in range(100):
        labels, probability = random.integers(0, 2, 2000), random.random(2000)
        groups = {"c": {str(one): np.arange(one, 2000, 5) for one in range(5)}}
        _, gaps = fairness_disparities(labels, probability, 0.5, groups, 100)
        false_alarms += next(gap.significant for gap in gaps if gap.metric == "positive_rate")
    assert false_alarms <= 11  # 5 expected at most
    probability[::5] += 0.2
    _, gaps = fairness_disparities(labels, probability, 0.5, groups, 100)
    rate = next(gap for gap in gaps if gap.metric == "positive_rate")
    assert rate.significant
    assert rate.high == "0"


def test_column_of_many_values_is_limited_to_the_largest_groups():
    groups = {"c": {f"v{one:03}": np.arange(one + 1) for one in range(120)}}
    measured, _ = fairness_disparities(np.zeros(200), np.zeros(200), 0.5, groups, 1)
    assert len(measured["c"]) == 50
    assert "v119" in measured["c"]
