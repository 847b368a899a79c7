"""Significance of a gain: paired, and corrected for the number of trials."""

import numpy as np
import pytest

from components.tuner.acceptance import decide_acceptance, score_of


def answers(rows: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and noisy probabilities that depend on them."""
    draw = np.random.default_rng(seed)
    true = draw.normal(size=rows)
    labels = (draw.random(rows) < 1 / (1 + np.exp(-2 * true))).astype(np.float32)
    return labels, 1 / (1 + np.exp(-2 * (true + noise * np.random.default_rng(seed + 1).normal(size=rows))))


@pytest.mark.parametrize("metric", ["log_loss", "auc", "average_precision"])
def test_clear_gain_is_significant_and_the_reverse_is_not(metric: str) -> None:
    labels, worse = answers(2000, 1.0)
    better = answers(2000, 0.0)[1]
    found = decide_acceptance("binary", labels, worse, better, metric, looks=11, seed=1)
    assert found.p_value is not None and found.p_value < 0.001
    gain = score_of("binary", labels, worse, metric) - score_of("binary", labels, better, metric)
    assert found.gain == pytest.approx(abs(gain))
    back = decide_acceptance("binary", labels, better, worse, metric, looks=11, seed=1)
    assert (back.gain, back.p_value) == (0.0, 1.0)


def test_best_of_many_equal_trials_is_rarely_adopted() -> None:
    taken = 0
    for seed in range(40):
        labels, present = answers(300, 0.5, seed)
        draw = np.random.default_rng(1000 + seed)
        others = [np.clip(present + draw.normal(scale=0.05, size=300), 0.01, 0.99) for _ in range(8)]
        best = min(others, key=lambda answer: score_of("binary", labels, answer, "log_loss"))
        p_value = decide_acceptance("binary", labels, present, best, "log_loss", looks=8, seed=seed).p_value
        taken += p_value is not None and p_value <= 0.05
    assert taken <= 4


def test_more_trials_need_a_larger_gain() -> None:
    labels, worse = answers(200, 0.6)
    better = answers(200, 0.3)[1]
    few = decide_acceptance("binary", labels, worse, better, "log_loss", looks=1, seed=1).p_value
    many = decide_acceptance("binary", labels, worse, better, "log_loss", looks=4, seed=1).p_value
    assert few is not None and many == pytest.approx(min(1.0, 4 * few))


def test_multiclass_and_regression_by_hand() -> None:
    labels = np.array([0, 1, 2])
    sure = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25]])
    assert score_of("multiclass", labels, sure, "accuracy") == pytest.approx(2 / 3)
    assert score_of("multiclass", labels, sure, "log_loss") == pytest.approx((2 * np.log(2) + np.log(4)) / 3)
    assert score_of("regression", np.array([1.0, 2.0]), np.array([4.0, 6.0]), "rmse") == pytest.approx(12.5**0.5)


def test_undefined_p_value_is_none() -> None:
    labels = np.ones(40, np.float32)
    assert np.isnan(score_of("binary", labels, np.linspace(0.1, 0.9, 40), "auc"))
    same = decide_acceptance("regression", labels, labels + 1.0, labels + 0.5, "mae", looks=1, seed=1)
    assert same.gain == pytest.approx(0.5)
    assert same.p_value is None  # the same gain in every row: no spread to hold it against
