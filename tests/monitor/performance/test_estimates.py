from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from monitor.performance.delays import ArrivalModel
from monitor.performance.estimates import EstimateSettings, PastEstimate, estimate, impute, weigh
from monitor.performance.scored_rows import ScoredRows

FAST = EstimateSettings(method="cbpe")
NO_HISTORY: list[PastEstimate] = []


def binary(count, seed, shift=0.0, flipped=0.0):
    """P(y | x) is the same whatever the shift; `flipped` labels break it."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 4))
    x[:, 0] += shift
    y = (random.random(count) < 1 / (1 + np.exp(-(x[:, 0] + 0.6 * x[:, 1] - 0.5)))).astype(float)
    flip = random.random(count) < flipped
    score = 1 / (1 + np.exp(-(1.5 * x[:, 0] + 0.5 * x[:, 1] - 0.5)))
    return ScoredRows(x, score, np.where(flip, 1 - y, y))


def some_labels(rows, share, seed=0):
    return replace(rows, labelled=np.random.default_rng(seed).random(len(rows)) < share)


def without_labels(rows):
    return replace(rows, targets=None)


def test_intervals_cover_without_labels():
    covered = []
    for seed in range(60):
        window = binary(1000, 1000 + seed)
        found = estimate(binary(2000, seed), without_labels(window), "auc", FAST, NO_HISTORY)
        covered.append(found.low <= roc_auc_score(window.targets, window.scores) <= found.high)
    assert np.mean(covered) >= 0.85


@pytest.mark.long
def test_intervals_cover_with_some_labels_and_are_narrower():
    covered, widths = [], []
    for seed in range(60):
        window, reference = binary(1000, 1000 + seed), binary(2000, seed)
        real = log_loss(window.targets, window.scores)
        found = estimate(reference, some_labels(window, 0.3), "log_loss", FAST, NO_HISTORY)
        covered.append(found.low <= real <= found.high)
        less = estimate(reference, without_labels(window), "log_loss", FAST, NO_HISTORY)
        widths.append((found.high - found.low) / (less.high - less.low))
    assert np.mean(covered) >= 0.85
    assert max(widths) < 1


@pytest.mark.parametrize("metric", ["auc", "average_precision", "f1", "precision", "recall", "accuracy", "log_loss"])
def test_with_all_labels_it_is_the_metric_itself(metric):
    window = binary(1000, 3)
    found = estimate(binary(2000, 1), window, metric, FAST)
    assert found.labels == 1000
    assert found.high - found.low < 1e-6
    if metric == "accuracy":
        assert found.value == pytest.approx(np.mean((window.scores >= 0.5) == window.targets), abs=1e-6)
    if metric == "log_loss":
        assert found.value == pytest.approx(log_loss(window.targets, window.scores), abs=1e-6)


def test_covariate_shift_is_followed_by_weights_where_calibration_alone_is_wrong():
    # The score leaves out x[:, 1]; where that moves, P(y | score) does, and P(y | x) does not.
    def rows(count, seed, shift):
        one = binary(count, seed)
        x = one.features.copy()
        x[:, 1] += shift
        random = np.random.default_rng(seed + 9)
        y = (random.random(count) < 1 / (1 + np.exp(-(x[:, 0] + 1.5 * x[:, 1] - 0.5)))).astype(float)
        return ScoredRows(x, 1 / (1 + np.exp(-(x[:, 0] - 0.5))), y)

    reference, window = rows(5000, 1, 0.0), rows(3000, 2, 1.0)
    real = log_loss(window.targets, window.scores)
    missed = {
        method: abs(estimate(reference, without_labels(window), "log_loss", EstimateSettings(method=method)).raw - real)
        for method in ("cbpe", "pape", "full")
    }
    assert missed["cbpe"] > 0.1
    assert missed["pape"] < 0.07 and missed["full"] < 0.07


def test_labels_that_come_later_for_positives_do_not_bias_it():
    random = np.random.default_rng(4)
    window, mature = binary(4000, 5), binary(4000, 6)

    def delays(rows):
        return random.exponential(np.where(rows.targets == 1, 10.0, 2.0))

    arrival = ArrivalModel.fit(mature.targets, delays(mature))
    delay, age = delays(window), random.uniform(0, 8, 4000)
    known = delay <= age
    seen = replace(window, labelled=known, delay=np.where(known, delay, np.nan), age=age)
    real = log_loss(window.targets, window.scores)
    corrected = estimate(binary(3000, 7), seen, "log_loss", FAST, NO_HISTORY, arrival)
    assert corrected.low <= real <= corrected.high and not corrected.contradicted
    naive = estimate(binary(3000, 7), seen, "log_loss", FAST, NO_HISTORY)
    assert not naive.low <= real <= naive.high  # labels that have not come are taken as missing at random


def test_concept_drift_widens_or_abstains():
    reference = binary(3000, 1)
    before = estimate(reference, some_labels(binary(2000, 2), 0.2), "auc", FAST)
    window = binary(2000, 2, flipped=0.25)
    after = estimate(reference, some_labels(window, 0.2), "auc", FAST)
    assert after.contradicted and not before.contradicted
    assert after.high - after.low > 1.2 * (before.high - before.low)
    assert after.low <= roc_auc_score(window.targets, window.scores) <= after.high
    few = estimate(reference, some_labels(binary(2000, 2, flipped=0.6), 0.03), "auc", FAST)
    assert few.value is None and "contradict the reference, too few" in few.abstained


def test_history_of_misses_moves_and_widens_it():
    reference, window = binary(3000, 1), without_labels(binary(1000, 2))
    plain = estimate(reference, window, "auc", FAST, NO_HISTORY)
    past = [PastEstimate(0.80, 0.05, 0.80 - miss) for miss in (0.04, 0.09, 0.03, 0.08, 0.05, 0.09, 0.02, 0.08)]
    learnt = estimate(reference, window, "auc", FAST, past)
    assert learnt.value < plain.value - 0.03
    assert learnt.high - learnt.low > plain.high - plain.low
    assert learnt.raw == plain.raw


def test_inputs_outside_of_the_reference_abstain_without_history():
    reference, window = binary(2000, 1), without_labels(binary(1000, 2, shift=6.0))
    found = estimate(reference, window, "accuracy")
    assert found.value is None and "outside of the reference" in found.abstained
    past = [PastEstimate(0.9, 0.05, 0.9)] * 4
    assert estimate(reference, window, "accuracy", history=past).value is not None


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (binary(50, 1), "50 labelled rows; it takes 200"),
        (replace(binary(500, 1), targets=np.ones(500)), "labels of one class only"),
    ],
)
def test_unusable_references_abstain(reference, reason):
    assert reason in estimate(reference, without_labels(binary(500, 2)), "auc", FAST).abstained


def test_regression_and_multiclass():
    random = np.random.default_rng(8)

    def numbers(count, shift):
        x = random.normal(shift, 1, (count, 3))
        return ScoredRows(x, x[:, 0], x[:, 0] + random.normal(0, np.exp(0.5 * x[:, 1])), task="regression")

    reference, window = numbers(4000, 0.0), numbers(2000, 0.5)
    real = np.sqrt(np.mean((window.targets - window.scores) ** 2))
    found = estimate(reference, without_labels(window), "rmse")
    assert found.low <= real <= found.high
    assert estimate(reference, window, "rmse").value == pytest.approx(real, abs=1e-5)

    def classes(count, seed):
        rng = np.random.default_rng(seed)
        scores = rng.dirichlet([1, 1, 1], count)
        codes = (rng.random(count)[:, None] > scores.cumsum(axis=1)).sum(axis=1)
        return ScoredRows(rng.normal(size=(count, 2)), scores, codes, task="multiclass")

    window = classes(2000, 2)
    found = estimate(classes(3000, 1), without_labels(window), "accuracy")
    assert found.low <= np.mean(window.scores.argmax(axis=1) == window.targets) <= found.high


def test_shared_expectation_and_weights_change_nothing():
    reference, window = binary(1000, 1), without_labels(binary(600, 2))
    settings = EstimateSettings()
    imputed = impute(reference, window, "f1", settings, weigh(reference, window, settings))
    assert estimate(reference, window, "auc", settings, imputed=imputed) == estimate(reference, window, "auc", settings)


def test_rows_that_differ_are_refused():
    with pytest.raises(ValueError, match="differ in task or number of features"):
        estimate(binary(300, 1), ScoredRows(np.zeros((3, 1)), np.full(3, 0.5)), "auc")
