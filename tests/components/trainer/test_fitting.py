"""Rows used for fitting and validation, member selection, and settings for small data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.trainer.candidates import TaskSpec
from components.trainer.fitting import fit
from components.trainer.small_data import FEW_ROWS, MIN_STEPS, fitted_to
from components.trainer.training_columns import TrainingColumns

pytestmark = pytest.mark.slow

SETTINGS = {
    "model": "trees", "refit": True, "epochs": 1, "batch_size": 64, "learning_rate": 0.01, "hidden_units": [8],
    "members": 2, "dropout": 0.0, "weight_decay": 0.0, "patience": 2, "validation_share": 0.2, "time_budget": 60,
    "seed": 3,
    "trees": {"n_estimators": 60, "num_leaves": 8, "learning_rate": 0.2, "l2": 0.0, "colsample_bytree": 1.0},
}  # fmt: skip


def _rows(count: int, cut: float, seed: int = 0) -> TrainingColumns:
    """Positive for values above `cut`."""
    numeric = np.random.default_rng(seed).uniform(-1, 1, (count, 1)).astype(np.float32)
    features = {"numeric": numeric, "missing": np.zeros((count, 1), np.float32)}
    return TrainingColumns(features, (numeric[:, 0] > cut).astype(np.float32))


def _says(fitted: Any, value: float) -> float:
    features = {"numeric": tf.constant([[value]], tf.float32), "missing": tf.zeros([1, 1])}
    return float(fitted.model(features)[0, 0])


def test_newest_rows_are_used_for_validation_and_for_the_final_fit() -> None:
    """The old rows have no value above 0, so only the newest determine the prediction there."""
    old, new = _rows(1000, cut=-0.5), _rows(1000, cut=0.5, seed=1)
    old = TrainingColumns({**old.features, "numeric": -np.abs(old.features["numeric"])}, old.labels)
    rows, task = old.and_then(new), TaskSpec("binary", 0, 0, ordered=True)
    refitted = fit(rows, task, SETTINGS)
    assert _says(refitted, 0.9) > 0 > _says(refitted, 0.3)
    held_out = fit(rows, task, SETTINGS | {"refit": False, "validation_share": 0.5})
    assert _says(held_out, 0.9) == _says(held_out, 0.3)


def test_member_without_gain_is_left_out() -> None:
    """A hardly trained network beside good trees is neither refitted nor served."""
    settings = SETTINGS | {"model": "blend", "learning_rate": 1e-9}
    fitted = fit(_rows(3000, 0.2), TaskSpec("binary", 0, 0), settings)
    assert fitted.report["blend"] == {"trees": 1.0, "network": 0.0}
    assert fitted.model.networks == []


def _report(rows: TrainingColumns, kind: str, classes: int = 0, **settings: Any) -> dict[str, Any]:
    found = fit(rows, TaskSpec(kind, classes, 0), SETTINGS | {"model": "auto", **settings})
    answers = found.model({name: tf.constant(matrix) for name, matrix in rows.features.items()}).numpy()
    assert np.isfinite(answers).all()
    assert answers.shape == (len(rows), max(classes, 1))
    return {member["name"]: member for member in found.report["members"]}


def _labelled(rows: TrainingColumns, labels: np.ndarray) -> TrainingColumns:
    return TrainingColumns(rows.features, labels)


@pytest.mark.parametrize(("kind", "classes"), [("binary", 0), ("multiclass", 3), ("regression", 0)])
def test_random_labels_give_the_prior(kind: str, classes: int) -> None:
    draw = np.random.default_rng(4)
    labels = {
        "binary": (draw.random(400) < 0.3).astype(np.float32),
        "multiclass": draw.integers(0, 3, 400).astype(np.int32),
        "regression": draw.normal(size=400).astype(np.float32),
    }[kind]
    members = _report(_labelled(_rows(400, 0.0), labels), kind, classes)
    assert members["prior"]["weight"] == 1.0
    assert "not significantly better" in members["trees"]["reason"]


def test_straight_line_selects_the_linear_model_and_a_bump_does_not() -> None:
    rows, draw = _rows(2000, 0.0), np.random.default_rng(5)
    value = rows.features["numeric"][:, 0]
    noise = draw.normal(size=2000).astype(np.float32)
    line = _report(_labelled(rows, 2 * value + noise), "regression")
    assert line["linear"]["weight"] == 1.0
    bump = _report(_labelled(rows, np.where(np.abs(value) < 0.3, 3.0, 0.0).astype(np.float32) + noise), "regression")
    assert bump["linear"]["weight"] == 0.0
    assert bump["trees"]["weight"] + bump["trees on linear residuals"]["weight"] == pytest.approx(1.0)


def test_budget_too_small_for_trees_selects_the_linear_model() -> None:
    members = _report(_rows(20_000, 0.2), "binary", time_budget=0.001)
    assert members["linear"]["weight"] == 1.0
    assert members["trees"]["weight"] == 0.0
    assert "not tried" in members["trees"]["reason"]
    assert "time_budget is 0.001 s" in members["trees"]["reason"]
    assert "not tried" in members["network"]["reason"]


def test_network_is_selected_if_the_budget_allows_it_and_it_is_better() -> None:
    """An oblique boundary in eight columns, which needs many splits and is not linear, but suits a network."""
    draw = np.random.default_rng(6)
    numeric = draw.uniform(-1, 1, (4000, 8)).astype(np.float32)
    labels = (np.abs(numeric.sum(axis=1)) > 1.2).astype(np.float32)
    rows = TrainingColumns({"numeric": numeric, "missing": np.zeros((4000, 8), np.float32)}, labels)
    settings = {"epochs": 60, "patience": 10, "hidden_units": [64, 32], "time_budget": 300}
    members = _report(rows, "binary", **settings)
    assert members["network"]["weight"] > 0
    assert members["prior"]["weight"] == members["linear"]["weight"] == 0.0


def test_small_data_have_small_batches_and_enough_steps() -> None:
    settings = SETTINGS | {"batch_size": 512, "epochs": 4}
    assert fitted_to(settings, FEW_ROWS) == (settings, {})
    fitted, changed = fitted_to(settings, 500)
    assert fitted["batch_size"] == 25
    assert fitted["epochs"] * -(-500 // fitted["batch_size"]) >= MIN_STEPS
    assert set(changed) == {"batch_size", "epochs", "patience"}
    assert fitted_to(settings | {"epochs": 1000}, 500)[0]["epochs"] == 1000


def test_setting_selects_a_single_model(project: Callable[[str], Any]) -> None:
    for model in ("trees", "network"):
        folder: Path = project("multiclass").train(model, model=model, refit=False)
        report = json.loads((folder.parent / f"{model}-run" / "training.json").read_text(encoding="utf-8"))
        assert report["blend"] == {model: 1.0}
        assert [member["name"] for member in report["members"]] == [model]
        assert not report["refitted"]
        assert report["validation"]["accuracy"] > 0.5
