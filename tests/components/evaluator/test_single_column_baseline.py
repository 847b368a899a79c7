"""The strongest single column: which one it is, its predictions, and when a model ignores it."""

import numpy as np
import pyarrow as pa
import pytest

from components.evaluator.assessment import assess
from components.evaluator.blessing import ValidationThresholds
from components.evaluator.findings import StrongestColumn
from components.evaluator.single_column_baseline import strongest_column

FEATURES = {"categorical": ["place"], "numeric": ["noise", "at"]}
DRAW = np.random.default_rng(7)
SECONDS = DRAW.integers(0, 60_000, 400)
COLUMNS = {
    "place": pa.array(DRAW.choice(["a\nb", "c"], 400)),
    "noise": pa.array(DRAW.normal(size=400)),
    "at": pa.array(SECONDS + 2**62),  # neither float32 nor float64 tells these apart
}
LABELS = (SECONDS > 30_000).astype(np.float64)


def test_column_that_determines_the_label_is_found_in_its_own_type() -> None:
    found = strongest_column(COLUMNS, LABELS, "binary", FEATURES, 0, seed=13)
    assert found is not None and found.column == "at"
    asked = pa.array([2**62 + 10_000, 2**62 + 50_000, None])
    assert found(asked)[0] < 0.1 and found(asked)[1] > 0.9
    assert found(asked)[2] == pytest.approx(LABELS.mean())


def test_categories_classes_and_numbers() -> None:
    is_a = np.array([value == "a\nb" for value in COLUMNS["place"].to_pylist()])
    classes = strongest_column(COLUMNS, np.where(is_a, 2.0, 1.0), "multiclass", FEATURES, 3, seed=13)
    assert classes is not None and classes.column == "place"
    answers = classes(pa.array(["a\nb", "c", "never seen"]))
    assert answers.shape == (3, 3) and answers[:2].argmax(axis=1).tolist() == [2, 1]
    assert np.allclose(answers.sum(axis=1), 1)
    line = strongest_column(COLUMNS, SECONDS / 1000, "regression", FEATURES, 0, seed=13)
    assert line is not None and line.column == "at"
    assert line(pa.array([2**62 + 30_000]))[0] == pytest.approx(30, abs=3)


def test_no_column_is_selected_if_none_is_better_than_the_prior() -> None:
    constant = {name: pa.array([1] * 400) for name in ("place", "noise", "at")}
    assert strongest_column(constant, LABELS, "binary", FEATURES, 0, seed=13) is None
    few = {name: column.slice(0, 10) for name, column in COLUMNS.items()}
    assert strongest_column(few, LABELS[:10], "binary", FEATURES, 0, seed=13) is None


@pytest.mark.parametrize(("policy", "blocked"), [("block", True), ("warn", False)])
def test_model_that_ignores_the_column_gives_a_finding(policy: str, blocked: bool) -> None:
    answers = {
        "candidate": 0.3 * LABELS + DRAW.random(400),
        "prior": np.full(400, 0.5),
        "strongest_column": np.where(DRAW.random(400) < 0.98, LABELS, 1 - LABELS),
    }
    found = assess("binary", LABELS, answers, {}, {}, {}, ValidationThresholds(strongest_column=policy), "at")
    said, silent = (found.violations, found.notices) if blocked else (found.notices, found.violations)
    (told,) = [one for one in said if isinstance(one, StrongestColumn)]
    assert (told.column, told.metric) == ("at", "auc") and told.value < told.alone
    assert found.strongest is not None and found.strongest.lost
    assert not [one for one in silent if isinstance(one, StrongestColumn)]


def test_model_as_good_as_the_column_or_slightly_worse_gives_no_finding() -> None:
    column = np.clip(LABELS + DRAW.normal(scale=0.4, size=400), 0, 1)
    for noise in (0.0, 0.02):
        answers = {
            "candidate": np.clip(column + DRAW.normal(scale=noise, size=400), 0, 1),
            "prior": np.full(400, 0.5),
            "strongest_column": column,
        }
        found = assess("binary", LABELS, answers, {}, {}, {}, ValidationThresholds(), "at")
        assert found.strongest is not None and not found.strongest.lost
        assert not [one for one in (*found.violations, *found.notices) if isinstance(one, StrongestColumn)]
