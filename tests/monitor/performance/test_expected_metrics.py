import numpy as np
import pytest
from sklearn import metrics as sk

from components.shared.statistics.metric_names import ESTIMATED
from monitor.performance.expected_metrics import BinaryMetric, Link, MeanMetric, functional, row_values
from monitor.performance.scored_rows import ScoredRows

RANDOM = np.random.default_rng(0)
SCORES = np.round(RANDOM.random(300), 2)  # with ties
LABELS = (RANDOM.random(300) < SCORES).astype(float)
PREDICTED = SCORES >= 0.4


def sklearn_value(metric: str) -> float:
    return {
        "auc": lambda: sk.roc_auc_score(LABELS, SCORES),
        "average_precision": lambda: sk.average_precision_score(LABELS, SCORES),
        "f1": lambda: sk.f1_score(LABELS, PREDICTED),
        "precision": lambda: sk.precision_score(LABELS, PREDICTED),
        "recall": lambda: sk.recall_score(LABELS, PREDICTED),
        "accuracy": lambda: sk.accuracy_score(LABELS, SCORES >= 0.5),
        "log_loss": lambda: sk.log_loss(LABELS, np.clip(SCORES, 1e-7, 1 - 1e-7)),
    }[metric]()


@pytest.mark.parametrize("metric", ESTIMATED["binary"])
def test_with_labels_it_is_sklearns_value(metric):
    assert BinaryMetric(metric, SCORES, 0.4)(LABELS)[0] == pytest.approx(sklearn_value(metric), abs=1e-12)


@pytest.mark.parametrize("metric", ESTIMATED["binary"])
def test_gradient_is_that_of_finite_differences(metric):
    function, share = BinaryMetric(metric, SCORES, 0.4), np.clip(SCORES + RANDOM.normal(0, 0.1, 300), -0.1, 1.1)
    gradient = function(share)[1]
    for row in (0, 17, 200):
        step = np.zeros(300)
        step[row] = 1e-5
        numeric = (function(share + step)[0] - function(share - step)[0]) / 2e-5
        assert gradient[row] == pytest.approx(numeric, rel=1e-4, abs=1e-8)


def test_expected_auc_by_hand():
    # a = 0.75 for score 0.8 and 0.25 for 0.2. Positive above negative: 0.75 * 0.75; the other way round: 0.25 * 0.25.
    value = BinaryMetric("auc", np.array([0.8, 0.2]), 0.5)(np.array([0.75, 0.25]))[0]
    assert value == pytest.approx(0.75**2 / (0.75**2 + 0.25**2))


def test_undefined_auc_is_nan():
    assert np.isnan(BinaryMetric("auc", SCORES, 0.5)(np.zeros(300))[0])


def test_losses_of_other_tasks():
    numbers = ScoredRows(np.zeros((3, 1)), np.array([1.0, 2.0, 4.0]), np.array([1.0, 4.0, 3.0]), task="regression")
    assert MeanMetric("rmse")(row_values("rmse", numbers))[0] == pytest.approx(np.sqrt(5 / 3))
    assert MeanMetric("mae")(row_values("mae", numbers))[0] == pytest.approx(1.0)
    classes = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    rows = ScoredRows(np.zeros((2, 1)), classes, np.array([0, 1]), task="multiclass")
    np.testing.assert_allclose(row_values("accuracy", rows), [1, 0])
    np.testing.assert_allclose(row_values("log_loss", rows), -np.log([0.7, 0.3]))


def test_link_goes_there_and_back_and_knows_its_slope():
    for metric, value in (("auc", 0.8), ("log_loss", 0.4)):
        link = Link(metric)
        assert link.invert(link.apply(value)) == pytest.approx(value)
        assert link.slope(value) == pytest.approx(
            (link.apply(value + 1e-6) - link.apply(value - 1e-6)) / 2e-6, rel=1e-4
        )


def test_unknown_metric_names_those_of_the_task():
    rows = ScoredRows(np.zeros((2, 1)), np.array([1.0, 2.0]), task="regression")
    with pytest.raises(ValueError, match="metric auc: cannot be estimated; regression has rmse, mae"):
        functional("auc", rows, 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.zeros(2)}, "targets: has 2 rows, scores have 3"),
        ({"features": np.zeros(3)}, "features: must be"),
        ({"scores": np.array([0.1, np.nan, 0.2])}, "scores: hold NaN"),
        ({"scores": np.ones((3, 2))}, "does not fit the task binary"),
    ],
)
def test_rows_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        ScoredRows(**{"features": np.zeros((3, 1)), "scores": np.full(3, 0.5), **change})
