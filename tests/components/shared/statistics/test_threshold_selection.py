import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from components.shared.statistics.threshold_criteria import NAMES, criterion_error
from components.shared.statistics.threshold_selection import GRID, choose_threshold

# Ranked: 1 at 0.9, 0 at 0.8, 1 at 0.7, 1 at 0.4, 0 at 0.2, 0 at 0.1.
LABELS = np.array([1, 0, 1, 1, 0, 0])
PROBABILITY = np.array([0.9, 0.8, 0.7, 0.4, 0.2, 0.1], np.float32)

ZERO: dict = {"f1": {"zero_division": 0.0}, "accuracy": {}}


@pytest.mark.parametrize(
    ("by", "threshold"),
    [
        ("f1", 0.21),  # calls the first four 1: 3 right of 4, none missed: 6/7
        ("accuracy", 0.21),  # 5 of 6
        ("balanced_accuracy", 0.21),  # (1 + 2/3) / 2
        ({"precision": 0.75}, 0.21),  # recall 1 at precision 3/4
        ({"precision": 0.8}, 0.81),  # only the first alone is as precise
        ({"recall": 0.3}, 0.81),  # recall 1/3 at precision 1
        ({"recall": 0.5}, 0.21),  # of 2/3 at 2/3 and 1 at 3/4
        ({"recall": 1.0}, 0.21),
    ],
)
def test_worked_by_hand(by, threshold):
    assert choose_threshold(LABELS, PROBABILITY, by) == threshold


def test_row_at_the_threshold_is_positive():
    labels, probability = np.array([0, 1]), np.array([0.28, 0.29], np.float32)
    assert choose_threshold(labels, probability, "accuracy") == 0.29


def test_unreachable_minimum_gives_the_closest_threshold():
    labels, probability = np.array([0, 1, 0, 1]), np.array([0.9, 0.8, 0.3, 0.1])
    # Precision is 1/2 from 0.31 to 0.80 and from 0.01 to 0.10, of which the lower has the higher recall.
    assert choose_threshold(labels, probability, {"precision": 0.99}) == 0.01


@pytest.mark.parametrize("by", [*NAMES, {"precision": 0.9}, {"recall": 0.9}])
def test_without_positive_rows_it_is_one_half(by):
    assert choose_threshold(np.zeros(3), np.array([0.1, 0.2, 0.3]), by) == 0.5


def test_balanced_accuracy_without_negative_rows_is_one_half():
    assert choose_threshold(np.ones(3), np.array([0.1, 0.2, 0.3]), "balanced_accuracy") == 0.5
    assert choose_threshold(np.ones(3), np.array([0.1, 0.2, 0.3]), "f1") == 0.01


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 50)), min_size=2, max_size=60))
def test_no_threshold_of_the_grid_is_better_by_scikit_learn(rows):
    labels, probability = np.array(rows).T
    probability = (probability / 50).astype(np.float32)
    labels = np.append(labels, 1)
    probability = np.append(probability, np.float32(0.5))
    for name, score in (("f1", metrics.f1_score), ("accuracy", metrics.accuracy_score)):
        scores = [score(labels, probability >= np.float32(cut), **ZERO[name]) for cut in GRID[::2]]
        chosen = score(labels, probability >= np.float32(choose_threshold(labels, probability, name)), **ZERO[name])
        assert chosen >= max(scores) - 1e-12


@pytest.mark.parametrize("by", [*NAMES, {"precision": 0.8}, {"recall": 1}])
def test_legal_criteria(by):
    assert criterion_error(by) == ""


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("auc", "must be f1, accuracy, balanced_accuracy, or { precision = 0.8 }, not 'auc'"),
        ({}, "must name one of precision and recall, as { precision = 0.8 } does"),
        ({"f1": 0.5}, "must name one of precision and recall, as { precision = 0.8 } does"),
        ({"precision": 0.8, "recall": 0.8}, "must name one of precision and recall, as { precision = 0.8 } does"),
        ({"precision": 80}, "precision must lie between 0 and 1, not 80"),
        ({"recall": 0}, "recall must lie between 0 and 1, not 0"),
    ],
)
def test_illegal_criteria(by, said):
    assert criterion_error(by) == said
