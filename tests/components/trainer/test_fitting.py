"""What is learned from which rows, and what small data change."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.boosting import PATIENCE, ROUNDS, Problem, fit_rounds, fit_until_best
from components.trainer.examples import Columns
from components.trainer.fitting import Task, fit
from components.trainer.small_data import FEW_ROWS, LEAST_STEPS, fitted_to

pytestmark = pytest.mark.slow

SETTINGS = {
    "model": "trees", "refit": True, "epochs": 1, "batch_size": 64, "learning_rate": 0.01, "hidden_units": [8],
    "members": 2, "dropout": 0.0, "weight_decay": 0.0, "patience": 2, "validation_share": 0.2, "seed": 3,
    "trees": {"rounds": 60, "leaves": 8, "learning_rate": 0.2, "l2": 0.0, "columns": 1.0},
}  # fmt: skip


def _rows(count: int, cut: float, seed: int = 0) -> Columns:
    """Positive from `cut` on."""
    numeric = np.random.default_rng(seed).uniform(-1, 1, (count, 1)).astype(np.float32)
    features = {"numeric": numeric, "missing": np.zeros((count, 1), np.float32)}
    return Columns(features, (numeric[:, 0] > cut).astype(np.float32))


def _says(fitted: Any, value: float) -> float:
    features = {"numeric": tf.constant([[value]], tf.float32), "missing": tf.zeros([1, 1])}
    return float(fitted.model(features)[0, 0])


def test_the_newest_rows_are_learned_from_after_they_have_judged() -> None:
    """The old rows have no value above 0; only the validation rows can tell what is there."""
    old, new = _rows(1000, cut=-0.5), _rows(1000, cut=0.5, seed=1)
    old = Columns({**old.features, "numeric": -np.abs(old.features["numeric"])}, old.labels)
    refitted = fit(old, new, Task("binary", 0, 0), SETTINGS)
    assert _says(refitted, 0.9) > 0 > _says(refitted, 0.3)
    held_out = fit(old, new, Task("binary", 0, 0), SETTINGS | {"refit": False})
    assert _says(held_out, 0.9) == _says(held_out, 0.3)


def test_a_member_without_weight_is_left_out() -> None:
    """A network that hardly learns beside trees that know: it is neither refitted nor served."""
    settings = SETTINGS | {"model": "blend", "learning_rate": 1e-9}
    fitted = fit(_rows(2000, 0.2), _rows(1000, 0.2, seed=1), Task("binary", 0, 0), settings)
    assert fitted.report["blend"] == {"trees": 1.0, "network": 0.0}
    assert fitted.model.networks == []


def test_boosting_stops_in_time() -> None:
    draw = np.random.default_rng(0)
    table = draw.normal(size=(600, 4)).astype(np.float32)
    labels = (table[:, 0] + draw.normal(size=600) > 0).astype(int)
    settings = {"rounds": 1000, "leaves": 31, "learning_rate": 0.3, "l2": 0.0, "columns": 1.0}
    problem = Problem("binary", 0, 0, settings, seed=1)
    found = fit_until_best(table[:400], labels[:400], (table[400:], labels[400:]), problem)
    assert found.rounds < 1000
    assert found.booster.n_iter_ <= found.rounds + PATIENCE * ROUNDS
    again = fit_rounds(table[:400], labels[:400], found.rounds, problem)
    assert again.booster.n_iter_ == found.rounds


def test_small_data_have_small_batches_and_enough_steps() -> None:
    settings = SETTINGS | {"batch_size": 512, "epochs": 4}
    assert fitted_to(settings, FEW_ROWS) == (settings, {})
    fitted, changed = fitted_to(settings, 500)
    assert fitted["batch_size"] == 25
    assert fitted["epochs"] * -(-500 // fitted["batch_size"]) >= LEAST_STEPS
    assert set(changed) == {"batch_size", "epochs", "patience"}
    assert fitted_to(settings | {"epochs": 1000}, 500)[0]["epochs"] == 1000


def test_a_single_model_can_be_asked_for(project: Callable[[str], Any]) -> None:
    for model in ("trees", "network"):
        folder: Path = project("multiclass").train(model, model=model, refit=False)
        report = json.loads((folder.parent / f"{model}-run" / "training.json").read_text(encoding="utf-8"))
        assert report["blend"] == {model: 1.0}
        assert not report["refitted"]
        assert report["validation"]["accuracy"] > 0.5
