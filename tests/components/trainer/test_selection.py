"""Forward selection: from simple to complex, and only for significant gains."""

import numpy as np
import pytest

from components.trainer.ensemble_loss import gain
from components.trainer.selection import select

ROWS = 3000


def _answers(seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A prior, and two noisy views of the truth with independent noise."""
    draw = np.random.default_rng(seed)
    logit = 2 * draw.normal(size=ROWS)
    labels = (draw.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(float)
    views = [logit + draw.normal(size=ROWS) for _ in range(2)]
    return {"prior": np.zeros((ROWS, 1)), "linear": views[0][:, None], "trees": views[1][:, None]}, labels


def test_two_views_are_blended() -> None:
    answers, labels = _answers()
    found = select(answers, labels, "binary")
    assert found.weights["prior"] == 0
    assert found.weights["linear"] == found.weights["trees"] == 0.5
    assert "blended" in found.reasons["trees"]
    assert found.reasons["linear"].startswith(("blended", "log loss"))
    assert found.blend(answers) == pytest.approx((answers["linear"] + answers["trees"]) / 2)


def test_better_candidate_replaces_and_others_are_left_out() -> None:
    answers, labels = _answers()
    noise = np.random.default_rng(8).normal(size=(ROWS, 1))
    better = select({"prior": answers["prior"], "linear": 3 * noise, "trees": answers["trees"]}, labels, "binary")
    assert better.weights == {"prior": 0.0, "linear": 0.0, "trees": 1.0}
    assert "not significantly better" in better.reasons["linear"]
    assert better.reasons["prior"] == "replaced by trees"
    copy = select({"linear": answers["linear"], "trees": answers["linear"].copy()}, labels, "binary")
    assert copy.weights == {"linear": 1.0, "trees": 0.0}


def test_gain_on_a_few_days_is_significant_only_without_blocks() -> None:
    """A loss lower by 1 on three days of ten and higher by 0.2 on the others."""
    blocks = np.arange(ROWS) * 10 // ROWS
    found = np.where(blocks < 3, 1.0, 2.2)
    assert gain(found, np.full(ROWS, 2.0)).significant
    by_day = gain(found, np.full(ROWS, 2.0), blocks)
    assert by_day.mean == pytest.approx(0.16)
    assert not by_day.significant
    assert gain(found, np.full(ROWS, 2.0), np.random.default_rng(1).permutation(blocks)).significant


def test_gain_equals_a_t_test_over_blocks() -> None:
    found = gain(np.array([1.0, 1.0, 2.0, 2.0]), np.array([2.0, 2.0, 5.0, 5.0]), np.array([0, 0, 1, 1]))
    assert (found.mean, found.error, found.count) == (2.0, 1.0, 2)
    assert not found.significant  # t(1) is 12.7 at 2.5 %
    assert gain(np.zeros(50), np.full(50, 0.1) + np.arange(50) * 1e-6).significant
    assert not gain(np.zeros(3), np.ones(3), np.zeros(3, int)).significant
