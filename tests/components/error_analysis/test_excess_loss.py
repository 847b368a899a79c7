import numpy as np
import pytest

from components.error_analysis.excess_loss import ExcessLoss
from components.error_analysis.row_losses import row_losses
from tests.components.error_analysis.made_up import sigmoid


def gap(values, inside):
    return values[inside].mean() - values[~inside].mean()


def test_by_hand():
    # One slice and constant predictions of 1/2: there is no evidence, and the excess is the loss beyond that of the
    # class shares (1.5/5 and 3.5/5 after smoothing by half a row).
    excess = ExcessLoss(row_losses("binary", [1, 0, 0, 0], [0.5] * 4), seed=0)
    found = excess(np.zeros(4, int), np.zeros(4, int))
    assert found == pytest.approx(np.log(2) + np.log([0.3, 0.7, 0.7, 0.7]) - 1 / 8)


def test_excess_of_a_regression_is_the_squared_error():
    excess = ExcessLoss(row_losses("regression", [1.0, 5.0], [2.0, 2.0]), seed=0)
    assert excess(np.array([0, 1]), np.array([0, 1])).tolist() == [1, 9]


@pytest.mark.parametrize("classes", [2, 4])
def test_another_base_rate_is_no_gap(classes):
    draw = np.random.default_rng(1)
    rows = 40_000
    slices = draw.integers(0, 3, rows)
    rates = draw.dirichlet(np.ones(classes), 3)
    rates[0] = [0.95, *[0.05 / (classes - 1)] * (classes - 1)]
    label = (draw.random(rows)[:, None] > rates.cumsum(axis=1)[slices]).sum(axis=1).clip(max=classes - 1)
    seen = draw.normal(size=(rows, classes))
    seen[np.arange(rows), label] += 1.5
    logits = np.log(rates[slices]) + 1.5 * seen  # Bayes' rule
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = row_losses("multiclass", label, probabilities)
    excess = ExcessLoss(found, seed=0)
    values = excess(slices, slices)
    gaps = [abs(gap(values, slices == one)) for one in range(3)]
    assert max(gaps) < 0.08 * excess.overall
    assert abs(gap(found.loss, slices == 0)) > 0.5 * excess.overall  # mean losses differ


def test_the_ambiguous_range_of_a_strong_feature_is_no_gap():
    # For x about 0 the best prediction is 1/2, since the label depends on x only.
    draw = np.random.default_rng(2)
    x = draw.normal(size=20_000)
    probability = sigmoid(3 * x)
    found = row_losses("binary", (draw.random(len(x)) < probability).astype(int), probability)
    fine = np.digitize(x, np.quantile(x, np.arange(1, 20) / 20))
    excess = ExcessLoss(found, seed=0)
    middle = fine // 4 == 2
    assert gap(found.loss, middle) > 0.8 * excess.overall
    assert abs(gap(excess(fine // 4, fine), middle)) < 0.08 * excess.overall


@pytest.mark.parametrize("known", [False, True])
def test_wrong_labels_are_a_gap(known):
    # Also where the model was trained on them, so that its predictions are calibrated but uninformative.
    draw = np.random.default_rng(3)
    x, slices = draw.normal(size=20_000), draw.integers(0, 8, 20_000)
    clean = sigmoid(2 * x - 1)
    true = np.where(slices == 5, 0.8 * clean + 0.2 * (1 - clean), clean)
    found = row_losses("binary", (draw.random(len(x)) < true).astype(int), true if known else clean)
    excess = ExcessLoss(found, seed=0)
    values = excess(slices, slices)
    assert gap(values, slices == 5) > 0.2 * excess.overall
    assert max(gap(values, slices == one) for one in (0, 1, 2)) < 0.05 * excess.overall
