"""Early stopping of boosting, on one fold and on several, and parity with LightGBM."""

import lightgbm
import numpy as np
import pytest

from components.trainer.ensemble_loss import loss
from components.trainer.gradient_boosting import (
    PATIENCE,
    STEP,
    BoostingProblem,
    BoostingRows,
    evaluations,
    fit_rounds,
    validate,
)

SETTINGS = {"n_estimators": 1000, "num_leaves": 31, "learning_rate": 0.3, "l2": 0.0, "colsample_bytree": 1.0}


def _data(rows: int, task: str = "binary", seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    table = draw.normal(size=(rows, 4)).astype(np.float32)
    score = table[:, 0] + draw.normal(size=rows)
    return table, {"binary": (score > 0) * 1.0, "multiclass": np.digitize(score, [-1, 1]), "regression": score}[task]


def _folds(table: np.ndarray, labels: np.ndarray, cuts: list[int]) -> tuple[list[BoostingRows], list[BoostingRows]]:
    training = [BoostingRows(table[:cut], labels[:cut]) for cut in cuts]
    return training, [BoostingRows(table[cut : cut + 100], labels[cut : cut + 100]) for cut in cuts]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_early_stopping_and_parity_with_lightgbm(task: str) -> None:
    table, labels = _data(600, task)
    problem = BoostingProblem(task, 3 if task == "multiclass" else 0, 0, SETTINGS, seed=1)
    training, validation = _folds(table, labels, [400])
    found = validate(training, validation, problem, [None], 1000)
    assert found.rounds < 1000
    assert found.boosters[0].rounds <= found.rounds + PATIENCE * STEP
    expected = found.boosters[0].booster.predict(validation[0].table, raw_score=True, num_iteration=found.rounds)
    assert found.predictions[0] == pytest.approx(np.asarray(expected).reshape(100, -1), abs=1e-6)
    again = fit_rounds(training[0], problem, found.rounds)
    assert again.raw(validation[0].table, 0) == pytest.approx(found.predictions[0], abs=1e-9)


def test_rounds_minimise_the_loss_over_all_folds() -> None:
    table, labels = _data(700)
    problem = BoostingProblem("binary", 0, 0, SETTINGS, seed=1)
    training, validation = _folds(table, labels, [300, 450, 600])
    found = validate(training, validation, problem, [None] * 3, 100)
    curve = {
        rounds: np.mean(
            [
                loss(fit_rounds(one, problem, rounds).raw(other.table, 0), other.labels, "binary")
                for one, other in zip(training, validation, strict=True)
            ]
        )
        for rounds in evaluations(50)
    }
    assert found.rounds == min(curve, key=lambda rounds: curve[rounds])


def test_trees_with_base_fit_the_residuals() -> None:
    table, labels = _data(600, "regression")
    base = 5 * table[:, 1:2].astype(np.float64)
    problem = BoostingProblem("regression", 0, 0, SETTINGS | {"learning_rate": 0.1}, seed=1)
    on = BoostingRows(table[:400], labels[:400] + base[:400, 0], base=base[:400])
    held = BoostingRows(table[400:], labels[400:] + base[400:, 0], base=base[400:])
    (answer,) = validate([on], [held], problem, [None], 200).predictions
    assert np.mean((answer[:, 0] - held.labels) ** 2) < 1.6  # the noise alone is 1
    assert np.mean((base[400:, 0] - held.labels) ** 2) > 1.6


def test_deadline_ends_training() -> None:
    table, labels = _data(600)
    training, validation = _folds(table, labels, [400])
    found = validate(
        training, validation, BoostingProblem("binary", 0, 0, SETTINGS, seed=1), [None], 1000, lambda: True
    )
    assert (found.rounds, found.stopped) == (10, True)


def test_too_few_rows_to_split_predict_the_mean() -> None:
    table, labels = np.zeros((6, 1), np.float32), np.array([0, 1, 1, 1, 0, 1.0])
    grown = fit_rounds(BoostingRows(table, labels), BoostingProblem("binary", 0, 0, SETTINGS, seed=1), 5)
    assert grown.raw(table, 0)[:, 0] == pytest.approx(np.log(2.0))


def test_one_thread_on_any_machine() -> None:
    booster = fit_rounds(BoostingRows(*_data(200)), BoostingProblem("binary", 0, 0, SETTINGS, seed=1), 3).booster
    assert isinstance(booster, lightgbm.Booster)
    assert booster.params["num_threads"] == 1
