import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from monitor.performance.delays import ArrivalModel, DelayCurve, arrival_probabilities, mature_after


def test_kaplan_meier_by_hand():
    # Labels after 1, 2 and 4; one row waits since 3. At 1: 4 at risk, at 2: 3, at 4: 1.
    curve = DelayCurve.fit(np.array([1.0, 2.0, np.nan, 4.0]), np.array([9.0, 9.0, 3.0, 9.0]))
    np.testing.assert_allclose(curve.arrived, [1 / 4, 1 / 2, 1.0])
    np.testing.assert_allclose(curve.at(np.array([0.5, 1.0, 3.9, 4.0, 99.0])), [0, 0.25, 0.5, 1, 1])
    assert curve.quantile(0.5) == 2.0
    assert mature_after(curve, 0.99) == 4.0


def test_kaplan_meier_is_that_of_statsmodels():
    random = np.random.default_rng(1)
    delay, age = random.exponential(5, 300).round(1), random.uniform(0, 12, 300).round(1)
    came = delay <= age
    curve = DelayCurve.fit(np.where(came, delay, np.nan), age)
    trusted = SurvfuncRight(np.where(came, delay, age), came.astype(int))
    np.testing.assert_allclose(curve.times, trusted.surv_times)
    np.testing.assert_allclose(1 - curve.arrived, trusted.surv_prob, atol=1e-12)


def test_no_label_yet():
    curve = DelayCurve.fit(np.array([np.nan, np.nan]), np.array([1.0, 2.0]))
    assert curve.ever == 0 and curve.quantile(0.9) == float("inf")
    assert curve.at(np.array([5.0])) == 0


def test_share_of_positives_is_right_where_they_come_later():
    random = np.random.default_rng(3)

    def rows(count):
        labels = (random.random(count) < 0.3).astype(float)
        return labels, random.exponential(np.where(labels == 1, 10.0, 2.0))

    model = ArrivalModel.fit(*rows(3000))
    labels, delay = rows(20_000)
    age = random.uniform(0, 10, len(labels))
    known = delay <= age
    old, probability = arrival_probabilities(labels, known, age, model)
    used = known & old
    weights = 1 / probability[used]
    assert labels[known].mean() < 0.2  # the labels that have come are no random sample
    assert weights @ labels[used] / weights.sum() == pytest.approx(0.3, abs=0.03)


def test_few_of_a_class_are_merged_and_numbers_are_thirds():
    labels = np.array([0.0] * 100 + [1.0] * 10)
    assert len(ArrivalModel.fit(labels, np.ones(110)).curves) == 1
    assert len(ArrivalModel.fit(np.arange(300.0), np.ones(300), regression=True).curves) == 3


def test_without_a_model_labels_are_missing_at_random():
    known = np.array([True, False, False, True])
    old, probability = arrival_probabilities(np.ones(4), known, None, None)
    assert old.all()
    np.testing.assert_allclose(probability, 0.5)
