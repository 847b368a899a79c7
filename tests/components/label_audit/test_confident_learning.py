import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.label_audit.confident_learning import find_label_issues, separation, true_classes


def test_separable_classes_with_planted_flips():
    """Probabilities of a perfect model of the noisy labels: the rows of the noise matrix."""
    rng = np.random.default_rng(0)
    noise = np.array([[0.9, 0.1, 0.0], [0.0, 0.7, 0.3], [0.05, 0.0, 0.95]])
    truth = rng.integers(0, 3, 3000)
    given_labels = np.array([rng.choice(3, p=noise[k]) for k in truth])
    found = find_label_issues(given_labels, noise[truth])
    assert found.separable and found.separation == pytest.approx(1.0)
    assert found.noise_matrix == pytest.approx(noise, abs=0.03)
    wrong = truth != given_labels
    assert (found.doubtful & wrong).sum() / wrong.sum() > 0.95
    assert (found.doubtful & wrong).sum() / found.doubtful.sum() > 0.95
    assert (found.suggested[found.doubtful & wrong] == truth[found.doubtful & wrong]).mean() == 1.0
    assert found.quality[~wrong].min() > 0.9 > 0.1 > found.quality[found.doubtful & wrong].max()


def test_overlapping_classes_are_not_taken_for_noise():
    """No label is wrong: each is drawn with the probability that the model predicts."""
    rng = np.random.default_rng(1)
    p = rng.beta(1, 3, 5000)
    labels = (rng.random(5000) < p).astype(int)
    found = find_label_issues(labels, np.column_stack([1 - p, p]))
    argmax = ((p > 0.5).astype(int) != labels).mean()
    assert not found.separable
    assert found.doubtful.mean() < argmax / 2


def test_quality_of_a_row_by_hand():
    # Two classes without noise: T = I, so the quality of every row is 1.
    labels = np.array([0] * 10 + [1] * 10)
    sure = np.array([[0.99, 0.01]] * 10 + [[0.01, 0.99]] * 10)
    found = find_label_issues(labels, sure)
    assert found.doubtful.sum() == 0
    assert found.quality == pytest.approx(np.ones(20))


def test_issues_are_ranked_by_quality():
    labels = np.array([0] * 50 + [1] * 50)
    p = np.r_[np.full(45, 0.05), np.linspace(0.8, 0.99, 5), np.full(50, 0.95)]
    found = find_label_issues(labels, np.column_stack([1 - p, p]))
    assert len(found.ranked) == found.doubtful.sum() > 0
    assert list(found.ranked) == [49, 48, 47, 46, 45][: len(found.ranked)]


def test_separation_by_hand():
    # Vectors (1, 0) and (0, 1): all variation lies between the predicted classes.
    assert separation(np.array([[1.0, 0.0], [0.0, 1.0]])) == 1.0
    assert separation(np.full((5, 2), 0.5)) == 0.0
    # p = 0, 0.4, 0.6, 1: class means 0.2 and 0.8 around 0.5. Between 4 * 0.09, total 2 * 0.25 + 2 * 0.01: 0.36 / 0.52.
    p = np.array([0.0, 0.4, 0.6, 1.0])
    assert separation(np.column_stack([1 - p, p])) == pytest.approx(0.36 / 0.52)
    spread = np.linspace(0, 1, 10_001)
    assert separation(np.column_stack([1 - spread, spread])) == pytest.approx(0.75, abs=0.001)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 5), st.floats(0.0, 0.6), st.integers(0, 2**32 - 1))
def test_true_classes_undo_known_noise(classes, rate, seed):
    rng = np.random.default_rng(seed)
    noise = (1 - rate) * np.eye(classes) + rate * rng.dirichlet(np.ones(classes), classes)
    true = np.eye(classes)[rng.integers(0, classes, 20)]
    found = true_classes(true @ noise, noise)
    assert found.sum(axis=1) == pytest.approx(np.ones(20))
    assert (found >= 0).all()
    assert found @ noise == pytest.approx(true @ noise, abs=0.05)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_quality_is_a_probability_and_the_suggestion_another_class(seed, classes):
    rng = np.random.default_rng(seed)
    labels = np.r_[np.arange(classes), rng.integers(0, classes, 60)]
    found = find_label_issues(labels, rng.dirichlet(np.ones(classes), len(labels)))
    assert ((found.quality >= 0) & (found.quality <= 1)).all()
    assert (found.suggested != labels).all()
    assert found.noise_matrix.sum(axis=1) == pytest.approx(np.ones(classes))
