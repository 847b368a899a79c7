"""Losses equal scikit-learn's; the temperature is the best one on the validation split if its gain is significant."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from components.trainer.ensemble_loss import FEW_ROWS, choose_temperature, loss

ROWS = 4000


def _truth(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    logit = draw.normal(size=ROWS) * 2
    return logit[:, None], (draw.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(int)


def test_loss_equals_scikit_learn() -> None:
    logit, labels = _truth()
    assert loss(logit, labels, "binary") == pytest.approx(log_loss(labels, 1 / (1 + np.exp(-logit[:, 0]))))
    two = np.column_stack([np.zeros(ROWS), logit])
    assert loss(two, labels, "multiclass") == pytest.approx(loss(logit, labels, "binary"))
    assert loss(np.array([[1.0], [2.0]]), np.array([1.0, 4.0]), "regression") == 2.0


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_temperature_undoes_overconfidence(factor: float) -> None:
    logit, labels = _truth()
    assert choose_temperature(factor * logit, labels, "binary", ordered=False) == pytest.approx(factor, rel=0.1)


def test_few_rows_and_regressions_have_no_temperature() -> None:
    logit, labels = _truth()
    few = slice(0, FEW_ROWS - 1)
    assert choose_temperature(3 * logit[few], labels[few], "binary", ordered=False) == 1.0
    assert choose_temperature(3 * logit, logit[:, 0], "regression", ordered=False) == 1.0


def test_temperature_without_a_significant_gain_over_blocks_is_1() -> None:
    logit, labels = _truth()
    overconfident = np.where(np.arange(ROWS) < 0.7 * ROWS, 0.5, 3.0)[:, None] * logit
    blocks = np.arange(ROWS) * 10 // ROWS
    assert choose_temperature(overconfident, labels, "binary", ordered=False, blocks=blocks) == 1.0
    mixed = np.random.default_rng(1).permutation(ROWS)
    found = choose_temperature(overconfident[mixed], labels[mixed], "binary", ordered=False, blocks=blocks)
    assert found > 1.4


def test_temperature_of_time_ordered_rows_only_increases() -> None:
    logit, labels = _truth()
    assert choose_temperature(0.5 * logit, labels, "binary", ordered=True) == 1.0
    assert choose_temperature(3 * logit, labels, "binary", ordered=True) == pytest.approx(3, rel=0.1)
