from dataclasses import replace

import numpy as np
import pytest

from monitor.changes.diagnosis import diagnose
from monitor.changes.prior_shift import em_shares, estimate_prior
from monitor.performance.scored_rows import ScoredRows

ROWS = 2500
NAMES = ("x0", "x1", "x2", "x3")


def rows(seed, kind="none", count=ROWS):
    random = np.random.default_rng(seed)
    many = count * 6 if kind == "prior" else count
    x = random.normal(size=(many, 4))
    if kind in ("covariate", "both"):
        x[:, 0] += 0.8
    logit = x[:, 0] + 0.7 * x[:, 1] - 0.5
    if kind in ("level", "both"):
        logit = logit + 0.9
    y = (random.random(many) < 1 / (1 + np.exp(-logit))).astype(float)
    if kind == "slice":
        y = np.where((x[:, 3] > 0.6) & (random.random(many) < 0.45), 1 - y, y)
    if kind == "prior":
        ones, zeros = np.flatnonzero(y == 1)[: int(0.65 * count)], np.flatnonzero(y == 0)[: count - int(0.65 * count)]
        chosen = random.permutation(np.concatenate([ones, zeros]))
        x, y = x[chosen], y[chosen]
    return ScoredRows(x, 1 / (1 + np.exp(-(1.3 * x[:, 0] + 0.6 * x[:, 1] - 0.5))), y)


def diagnosis(kind, **options):
    window = rows(1, kind)
    slices = {"x3 high": window.features[:, 3] > 0.6, "x3 low": window.features[:, 3] < -0.6}
    if not options.pop("labels", True):
        window = replace(window, targets=None)
    return diagnose(rows(100), window, names=NAMES, slices=slices, **options)


@pytest.mark.parametrize(
    ("kind", "found", "words"),
    [
        ("none", "none", "No change found"),
        ("covariate", "covariate", "most by x0; 2,500 labels are as score and features say"),
        ("level", "concept", "The relation between inputs and label moved: 2,500 labels, observed minus expected +"),
        ("slice", "concept", "x3 high: observed minus expected"),
        ("prior", "prior", "Only the share of class 1 moved, from 0.4"),
        ("both", "concept", "Inputs moved, too"),
    ],
)
def test_what_moved_is_told_apart_with_labels(kind, found, words):
    one = diagnosis(kind)
    assert one.kind == found
    assert words in one.text


@pytest.mark.parametrize(
    ("kind", "found"), [("none", "none"), ("covariate", "covariate"), ("prior", "prior"), ("level", "none")]
)
def test_without_labels_the_relation_is_said_to_be_unknown(kind, found):
    one = diagnosis(kind, labels=False)
    assert one.kind == found and one.tests == ()
    assert "whether the relation moved is not known: 0 labels, it takes 200" in one.text


def test_a_season_is_like_the_one_before():
    one = diagnosis("covariate", like=rows(7, "covariate"))
    assert one.kind == "season" and one.text.startswith("A season: the window is like the one a season ago")
    assert diagnosis("covariate", like=rows(7)).kind == "covariate"


def test_regression_and_multiclass_relations():
    random = np.random.default_rng(3)

    def numbers(added):
        x = random.normal(size=(1500, 3))
        return ScoredRows(x, x[:, 0], x[:, 0] + added + random.normal(size=1500), task="regression")

    assert diagnose(numbers(0.0), numbers(0.4)).kind == "concept"
    assert diagnose(numbers(0.0), numbers(0.0)).kind == "none"

    def classes(broken):
        scores = random.dirichlet([1, 1, 1], 1500)
        codes = (random.random(1500)[:, None] > scores.cumsum(axis=1)).sum(axis=1)
        codes = np.where(random.random(1500) < broken, random.integers(0, 3, 1500), codes)
        return ScoredRows(random.normal(size=(1500, 2)), scores, codes, task="multiclass")

    assert diagnose(classes(0.0), classes(0.6)).kind == "concept"
    assert diagnose(classes(0.0), classes(0.0)).kind == "none"


def test_too_few_rows():
    assert "it takes 200 on each side" in diagnose(rows(1, count=100), rows(2)).text


def test_em_by_hand():
    # Two classes with disjoint scores: the shares are those of the scores.
    probabilities = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    np.testing.assert_allclose(em_shares(probabilities, np.array([0.5, 0.5])), [0.75, 0.25])
    # Scores that say nothing leave the prior.
    np.testing.assert_allclose(em_shares(np.tile([0.3, 0.7], (5, 1)), np.array([0.3, 0.7])), [0.3, 0.7])


def test_bbse_by_hand():
    # P(predicted 1 | 0) = 1/4, P(predicted 1 | 1) = 3/4; half of the current rows are predicted 1, so half are 1.
    codes = np.array([0] * 8 + [1] * 4)
    predicted = np.array([0] * 6 + [1] * 2 + [0] + [1] * 3)
    reference = np.where(predicted[:, None] == [0, 1], 0.8, 0.2)
    current = np.array([[0.8, 0.2], [0.2, 0.8]] * 10)
    np.testing.assert_allclose(estimate_prior(reference, codes, current).bbse, [0.5, 0.5])


def test_prior_is_found_with_its_error():
    reference, window = rows(1), rows(2, "prior")
    scores = [np.column_stack([1 - one.scores, one.scores]) for one in (reference, window)]
    found = estimate_prior(scores[0], reference.targets, scores[1])
    assert found.fit > 0.01
    assert abs(found.bbse[1] - 0.65) < 0.08
    moved = estimate_prior(scores[0], reference.targets, np.clip(scores[1] ** 3, 0, 1))
    assert moved.fit < 0.001  # no mixture of the classes explains these scores
