"""A hyperparameter search and the reuse of its result, in local runs and in a dry run."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main

TRAINING = """[training]
model = "trees"
trees = { n_estimators = 20, learning_rate = 0.001 }  # learns next to nothing, so that whatever is tried is better
"""
TUNE = """
[tune]
trials = 2
alpha = 1

[tune.space.trees]
learning_rate = { min = 0.05, max = 0.2 }
num_leaves = false
l2 = false
colsample_bytree = false
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Path:
    """Returns a pipeline.toml for 600 rows with a hyperparameter search."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(7).normal(size=(600, 3)).round(3)
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(good=(x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int))
    (tmp_path / "table").mkdir()
    frame.to_csv(tmp_path / "table" / "data.csv", index=False)
    assert main(["init", "--data", "table/data.csv", "--label", "good", "--name", "mine"]) == 0
    path = tmp_path / "schemas" / "mine" / "pipeline.toml"
    text, count = re.subn(r"(?m)^\[training\].*\n", TRAINING, path.read_text(encoding="utf-8"))
    assert count == 1
    text = re.sub(r"(?m)^\[training\.trees\]\ncolsample_bytree.*\n", "", text)  # as drafted; TRAINING has its own
    path.write_text(text + TUNE, encoding="utf-8")
    capfd.readouterr()
    return path


def json_of(capfd: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Returns the JSON object that a command prints with --json."""
    code = main([*arguments, "--json"])
    out, err = capfd.readouterr()
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def taken(best: dict[str, Any], training: dict[str, Any], trials: int) -> float:
    """Returns the tuned setting as the Trainer received it."""
    assert best["adopted"]
    assert [len(best["trials"]), best["trials"][0]["settings"]] == [trials, {}]
    winner = min(best["trials"], key=lambda trial: trial["score"])
    rate = winner["settings"]["trees.learning_rate"]
    assert 0.05 <= rate <= 0.2
    assert training["tuned"] == best["settings"] == {"trees": {"learning_rate": rate}}
    return float(rate)


@pytest.mark.long
def test_a_repeated_search_is_cached_and_a_longer_one_is_not(settings: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def run() -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
        summary = json_of(capfd, "run", "--dataset", "mine")
        reports = Path("runs/mine/artifacts/Trainer/model_run").glob("*/training.json")
        newest = max(reports, key=lambda path: int(path.parent.name))
        return summary, {one["id"]: one["state"] for one in summary["components"]}, json.loads(newest.read_text())

    first, states, training = run()
    assert states["Tuner"] == states["Trainer"] == "executed"
    rate = taken(first["tuned"], training, 2)
    assert first["settings"]["training"]["trees"]["learning_rate"] == rate

    again, states, _ = run()
    assert set(states.values()) == {"cached"}
    assert again["tuned"] == first["tuned"]

    settings.write_text(settings.read_text().replace("trials = 2", "trials = 3"))
    longer, states, training = run()
    assert {name for name, state in states.items() if state == "executed"} >= {"Tuner", "Trainer"}
    assert states["Transform"] == "cached"
    taken(longer["tuned"], training, 3)
    assert longer["tuned"]["trials"][1]["settings"] == first["tuned"]["trials"][1]["settings"]


@pytest.mark.cluster
def test_a_compiled_search(settings: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with settings.open("a") as file:
        file.write(f'\n[kubeflow]\nregistry = "{tmp_path / "registry"}"\n')
    places = ["--data", str(tmp_path / "table"), "--root", "s3://bucket/root", "--image", "none"]
    assert main(["compile", "--dataset", "mine", *places, "-o", "pipeline.yaml"]) == 0
    capfd.readouterr()
    dry = ["dry-run", "pipeline.yaml", "--no-image", "--no-retries", "--storage", "store"]
    report = json_of(capfd, *dry)
    steps = [step["name"] for step in report["steps"]]
    assert steps.index("Transform") < steps.index("Tuner") < steps.index("Trainer")
    made = {one["name"]: tmp_path / "store" / one["uri"].replace("://", "/") for one in report["outputs"]}
    best = json.loads((made["best_hyperparameters"] / "best_settings.json").read_text())
    taken(best, json.loads((made["model_run"] / "training.json").read_text()), 2)
    assert list(made["best_hyperparameters"].iterdir()) == [made["best_hyperparameters"] / "best_settings.json"]
