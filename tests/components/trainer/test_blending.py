"""Weights and temperature are those that the validation rows ask for."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from components.trainer.blending import FEW_ROWS, Blend, choose, loss

ROWS = 4000


def _truth(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    logit = draw.normal(size=ROWS) * 2
    return logit, (draw.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(int)


def test_loss_is_that_of_scikit_learn() -> None:
    logit, labels = _truth()
    assert loss(logit[:, None], labels, "binary") == pytest.approx(log_loss(labels, 1 / (1 + np.exp(-logit))))
    two = np.column_stack([np.zeros(ROWS), logit])
    assert loss(two, labels, "multiclass") == pytest.approx(loss(logit[:, None], labels, "binary"))
    assert loss(np.array([[1.0], [2.0]]), np.array([1.0, 4.0]), "regression") == 2.0


def test_a_member_that_knows_nothing_counts_for_nothing() -> None:
    logit, labels = _truth()
    noise = np.random.default_rng(9).normal(size=ROWS)
    blend = choose([logit[:, None], 2 * noise[:, None]], labels, "binary")
    assert blend.weights[0] >= 0.95
    assert sum(blend.weights) == pytest.approx(1)


def test_two_views_count_alike() -> None:
    logit, labels = _truth()
    draw = np.random.default_rng(5)
    views = [logit + draw.normal(size=ROWS), logit + draw.normal(size=ROWS)]
    blend = choose([view[:, None] for view in views], labels, "binary")
    assert 0.35 <= blend.weights[0] <= 0.65
    alone = min(loss(view[:, None], labels, "binary") for view in views)
    assert loss(blend([view[:, None] for view in views]), labels, "binary") < alone


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_temperature_undoes_overconfidence(factor: float) -> None:
    logit, labels = _truth()
    blend = choose([factor * logit[:, None]], labels, "binary")
    assert blend.temperature == pytest.approx(factor, rel=0.1)
    assert np.argsort(blend([logit[:, None]])[:, 0]).tolist() == np.argsort(logit).tolist()


def test_few_rows_choose_nothing() -> None:
    logit, labels = _truth()
    few = slice(0, FEW_ROWS - 1)
    noise = np.random.default_rng(9).normal(size=(FEW_ROWS - 1, 1))
    assert choose([logit[few, None], noise], labels[few], "binary") == Blend((0.5, 0.5), 1.0)


def test_regression_has_no_temperature() -> None:
    value, _ = _truth()
    assert choose([value[:, None], 0 * value[:, None]], value, "regression") == Blend((1.0, 0.0), 1.0)


def _by_day() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two members, of which the first knows seven days of ten and the second the other three; and the labels."""
    logit, labels = _truth()
    noise = np.random.default_rng(9).normal(size=(2, ROWS))
    first = np.arange(ROWS) < 0.7 * ROWS
    return np.where(first, logit, noise[0]), np.where(first, noise[1], logit), labels


def test_what_a_few_days_say_does_not_move_weights_and_the_same_rows_mixed_do() -> None:
    one, other, labels = _by_day()
    assert choose([one[:, None], other[:, None]], labels, "binary").weights == (0.5, 0.5)
    mixed = np.random.default_rng(1).permutation(ROWS)
    assert choose([one[mixed, None], other[mixed, None]], labels[mixed], "binary").weights[0] > 0.5


def test_a_temperature_that_is_right_on_some_days_only_is_not_taken() -> None:
    logit, labels = _truth()
    sure = np.where(np.arange(ROWS) < 0.7 * ROWS, 0.5, 3.0) * logit
    assert choose([sure[:, None]], labels, "binary").temperature == 1.0
    mixed = np.random.default_rng(1).permutation(ROWS)
    assert choose([sure[mixed, None]], labels[mixed], "binary").temperature > 1.4


def test_in_an_order_of_time_answers_are_softened_and_never_sharpened() -> None:
    logit, labels = _truth()
    assert choose([0.5 * logit[:, None]], labels, "binary", ordered=True).temperature == 1.0
    assert choose([3 * logit[:, None]], labels, "binary", ordered=True).temperature == pytest.approx(3, rel=0.1)
