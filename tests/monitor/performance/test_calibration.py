import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from monitor.performance.calibration import LogisticCalibration, LossRegression
from monitor.performance.importance_weights import effective_rows, importance_weights

RANDOM = np.random.default_rng(5)
SCORES = RANDOM.uniform(0.02, 0.98, 4000)
LABELS = (RANDOM.random(4000) < SCORES**2).astype(float)  # not calibrated
WEIGHTS = RANDOM.uniform(0.2, 2.0, 4000)


def test_weighted_calibration_is_sklearns_logistic_regression_on_the_spline():
    fitted = LogisticCalibration.fit(SCORES, LABELS, WEIGHTS)
    columns = fitted.spline.columns(np.log(SCORES / (1 - SCORES)))[:, 1:]
    trusted = LogisticRegression(C=1e6, max_iter=1000).fit(columns, LABELS, sample_weight=WEIGHTS)
    ours = fitted.expect(SCORES).mean
    np.testing.assert_allclose(ours, trusted.predict_proba(columns)[:, 1], atol=5e-3)
    assert WEIGHTS @ (LABELS - ours) == pytest.approx(0, abs=0.1)  # calibrated in the large
    assert np.abs(ours - SCORES**2).max() < 0.06


def test_error_of_the_fit_is_that_of_repeated_samples():
    def fit(random):
        scores = random.uniform(0.1, 0.9, 500)
        return LogisticCalibration.fit(scores, (random.random(500) < scores).astype(float), np.ones(500))

    at, gradient = np.linspace(0.2, 0.8, 5), np.full(5, 0.2)
    fits = [fit(np.random.default_rng(seed)) for seed in range(200)]
    spread = np.var([gradient @ one.expect(at).mean for one in fits])
    assert np.mean([one.expect(at).error(gradient) for one in fits]) == pytest.approx(spread, rel=0.25)


def test_loss_regression_is_sklearns_least_squares():
    expected, losses = RANDOM.random(1000), RANDOM.exponential(1, 1000)
    fitted = LossRegression.fit(expected, losses, np.ones(1000))
    columns = fitted.spline.columns(expected)
    trusted = LinearRegression(fit_intercept=False).fit(columns, losses).predict(columns)
    np.testing.assert_allclose(fitted.expect(expected).mean, trusted, atol=1e-3)


def test_effective_rows_by_hand():
    assert effective_rows(np.array([1.0, 1.0, 1.0, 1.0])) == 4
    assert effective_rows(np.array([3.0, 1.0])) == pytest.approx(16 / 10)
    assert effective_rows(np.zeros(3)) == 0


def test_weights_move_the_reference_to_the_current_rows():
    reference, current = RANDOM.normal(0, 1, (4000, 3)), RANDOM.normal(0, 1, (2000, 3))
    current[:, 0] += 0.7
    found = importance_weights(reference, current, fewest=200)
    assert np.average(reference[:, 0], weights=found.weights) == pytest.approx(0.7, abs=0.15)
    assert found.auc == pytest.approx(0.69, abs=0.03) and found.power == 1 and found.effective_rows < 4000
    same = importance_weights(reference, RANDOM.normal(0, 1, (2000, 3)), fewest=200)
    assert same.effective_rows > 3500 and same.auc == pytest.approx(0.5, abs=0.03)
