"""The search with real models: a bad setting is improved, random gains are not adopted, failures are skipped."""

import numpy as np
import pytest

from components.shared.errors import PlumblineError
from components.trainer.training_columns import TrainingColumns
from components.tuner.settings import TunerSettings
from components.tuner.trial_store import TrialStore
from components.tuner.tuning import TrialEvaluation, TuningData, searched, subsample, tune

pytestmark = pytest.mark.slow

TRAINING = {
    "model": "trees", "refit": True, "epochs": 2, "batch_size": 64, "learning_rate": 0.003, "hidden_units": [16],
    "dropout": 0.1, "weight_decay": 1e-4, "patience": 3, "validation_share": 0.25, "time_budget": 60,
    "seed": 13, "members": 2,
    "trees": {"n_estimators": 25, "num_leaves": 15, "learning_rate": 0.1, "l2": 1.0, "colsample_bytree": 1.0},
}  # fmt: skip
BAD = {"trees": TRAINING["trees"] | {"learning_rate": 0.001, "num_leaves": 2}}


def rows(count: int = 600, task: str = "binary") -> TrainingColumns:
    draw = np.random.default_rng(1)
    numeric = draw.normal(size=(count, 3)).astype(np.float32)
    value = numeric[:, 0] + numeric[:, 1] * (numeric[:, 2] > 0)
    labels = {
        "binary": (value > 0).astype(np.float32),
        "multiclass": np.digitize(value, [-0.7, 0.7]).astype(np.int32),
        "regression": (value * 10 + 50).astype(np.float32),
    }[task]
    return TrainingColumns({"numeric": numeric, "missing": np.zeros((count, 3), np.float32)}, labels)


def tuned(tmp_path, training=None, task: str = "binary", **settings):
    tables = {"dataset": {"task": task}, "training": TRAINING | (training or {}), "ordered": True}
    classes = ["a", "b", "c"] if task == "multiclass" else []
    search = TunerSettings(**{"trials": 4, "method": "random", **settings})
    return tune(TuningData(rows(task=task), classes, 0), tables, search, TrialStore(tmp_path / "notes"))


@pytest.mark.parametrize(
    ("task", "metric"), [("binary", "log_loss"), ("multiclass", "log_loss"), ("regression", "rmse")]
)
def test_planted_bad_default_is_improved(tmp_path, task: str, metric: str) -> None:
    found = tuned(tmp_path, BAD, task)
    assert found["metric"] == metric
    assert found["adopted"]
    assert found["after"] < 0.8 * found["before"]
    assert found["after"] == min(trial["score"] for trial in found["trials"])
    assert found["trials"][0]["settings"] == {}
    assert set(found["settings"]) == {"trees"}
    assert found["settings"]["trees"]["learning_rate"] > 0.001
    assert found["rows"] == {"train": 450, "validation": 150, "of": 600}
    assert found["p_value"] <= 0.05


def test_no_better_settings_change_nothing(tmp_path) -> None:
    # Enough rounds for early stopping; with too few, any faster learning rate is significantly better.
    converged = {"trees": TRAINING["trees"] | {"n_estimators": 300}}
    trees = {"num_leaves": [15], "l2": {"min": 1.0, "max": 1.01}, "colsample_bytree": False}
    trees["learning_rate"] = {"min": 0.1, "max": 0.101}
    found = tuned(tmp_path, converged, space={"trees": trees}, seed=2)
    assert not found["adopted"]
    assert found["settings"] == {}
    assert found["after"] == found["before"]


def test_killed_search_is_resumed(tmp_path, monkeypatch) -> None:
    whole = tuned(tmp_path / "whole", BAD)
    trained, train = [], TrialEvaluation.train

    def until_third(self, values):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(values)
        return train(self, values)

    monkeypatch.setattr(TrialEvaluation, "train", until_third)
    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path / "ended", BAD)
    begun = list(trained)
    monkeypatch.setattr(TrialEvaluation, "train", lambda self, values: trained.append(values) or train(self, values))
    again = tuned(tmp_path / "ended", BAD)
    assert len(begun) == 2
    assert len(trained) == 4  # the two that were done are not trained again
    for key in ("settings", "before", "after", "p_value"):
        assert again[key] == whole[key]


def test_settings_that_cannot_be_trained_are_skipped(tmp_path) -> None:
    network = {"model": "network", "epochs": 1}
    space = dict.fromkeys(("hidden_units", "dropout", "weight_decay", "members", "batch_size"), False)
    hopeless = network | {"learning_rate": 1e30}
    found = tuned(tmp_path, hopeless, trials=2, space=space | {"learning_rate": [0.003]})
    assert "the loss is not a number" in found["trials"][0]["failed"]
    assert found["trials"][1]["score"] == found["after"]
    assert (found["adopted"], found["before"], found["settings"]) == (True, None, {"learning_rate": 0.003})
    with pytest.raises(PlumblineError, match=r"\[tune\] none of the 1 trials .* the loss is not a number"):
        tuned(tmp_path, hopeless, trials=1, space=space)  # as the notebook has it


def test_sample_keeps_the_order_in_time() -> None:
    all_rows = rows()
    some = subsample(all_rows, 100, seed=1)
    at = [
        int(np.flatnonzero(all_rows.features["numeric"][:, 0] == value)[0]) for value in some.features["numeric"][:, 0]
    ]
    assert len(some) == 100
    assert at == sorted(at)
    assert subsample(all_rows, 600, seed=1) is all_rows


def test_settings_overridden_for_few_rows_are_not_searched() -> None:
    network = TRAINING | {"model": "network"}
    assert "batch_size" not in {knob.name for knob in searched({}, network, 50)}  # always 16
    assert "batch_size" in {knob.name for knob in searched({}, network, 9000)}
    assert "batch_size" in {knob.name for knob in searched({}, network, 100_000)}
