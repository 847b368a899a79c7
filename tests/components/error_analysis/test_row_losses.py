import numpy as np
import pytest

from components.error_analysis.row_losses import row_losses, task_metrics


def test_binary():
    found = row_losses("binary", [1, 0, 1, 0], [0.9, 0.2, 0.4, 0.5], [1, 0, 0, 1])
    assert found.loss == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.5]))
    assert found.wrong().tolist() == [0, 0, 1, 1]
    told = task_metrics(found)
    # Of the four pairs of a positive and a negative, (0.4, 0.5) alone is in the wrong order.
    assert told["auc"] == 0.75
    # Precision at 0.9 is 1, at 0.4 2/3, each for half of the positives.
    assert told["average_precision"] == pytest.approx(5 / 6)
    assert (told["accuracy"], told["positive"], told["predicted"]) == (0.5, 0.5, 0.5)
    assert told["log_loss"] == pytest.approx(found.loss.mean())


def test_one_class_has_neither_auc_nor_average_precision():
    told = task_metrics(row_losses("binary", [0, 0], [0.1, 0.2]))
    assert told["auc"] is None and told["average_precision"] is None
    assert told["accuracy"] == 1


def test_certain_and_wrong_is_finite():
    assert row_losses("binary", [1], [0.0]).loss[0] == pytest.approx(-np.log(1e-7))


def test_multiclass():
    found = row_losses("multiclass", [2, 0], [[0.1, 0.2, 0.7], [0.3, 0.6, 0.1]])
    assert found.loss == pytest.approx(-np.log([0.7, 0.3]))
    assert task_metrics(found)["accuracy"] == 0.5
    assert found.take(np.array([True, False])).loss == pytest.approx(-np.log([0.7]))


def test_regression():
    found = row_losses("regression", [1.0, 5.0], [2.0, 2.0])
    assert found.loss.tolist() == [1, 9]
    assert task_metrics(found) == {"rmse": pytest.approx(5**0.5), "mae": 2}
    assert found.wrong() is None
