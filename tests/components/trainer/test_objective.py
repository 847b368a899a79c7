import numpy as np
import pytest

from components.trainer.objective import best_threshold


def test_best_threshold_by_hand() -> None:
    labels = np.array([0, 0, 1, 0, 1, 1])
    probability = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.9])
    # From 0.21 to 0.3: TP 3, FP 1, FN 0, F1 = 6/7. Above 0.4: TP 2, FN 1, F1 = 4/5. The lowest of the best is named.
    assert best_threshold(labels, probability) == pytest.approx(0.21)


def test_best_threshold_without_positives() -> None:
    assert best_threshold(np.zeros(3), np.array([0.1, 0.2, 0.3])) == 0.5


def test_best_threshold_when_all_are_positive() -> None:
    assert best_threshold(np.ones(3), np.array([0.1, 0.2, 0.3])) == pytest.approx(0.01)


def test_best_threshold_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    draw = np.random.default_rng(0)
    labels = (draw.random(500) < 0.2).astype(int)
    probability = np.clip(0.2 * labels + draw.normal(0.3, 0.15, 500), 0, 1)
    found = best_threshold(labels, probability)
    scores = {round(step / 100, 2): f1_score(labels, probability >= round(step / 100, 2)) for step in range(1, 100)}
    assert scores[round(found, 2)] == max(scores.values())
