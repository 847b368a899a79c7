"""The example of docs/own-module.md: custom preprocessing and a custom model, from the data to the registry."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sklearn import datasets

from pipeline.cli import main

DOCS = Path(__file__).parents[2] / "docs" / "own-module.md"
LEARNED = {"Trainer", "ChampionResolver", "Predictor", "ChampionEvaluator", "ErrorAnalysis", "RegistryPusher"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Path:
    """Returns schemas/iris with the documented module beside pipeline.toml."""
    monkeypatch.chdir(tmp_path)
    loaded = datasets.load_iris(as_frame=True)
    frame = loaded.frame.assign(species=loaded.target.map(dict(enumerate(loaded.target_names)))).drop(columns="target")
    frame.to_csv(tmp_path / "iris.csv", index=False)
    assert main(["init", "--data", "iris.csv", "--label", "species", "--name", "iris"]) == 0
    home = tmp_path / "schemas" / "iris"
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (home / "my_model.py").write_text(example, encoding="utf-8")
    (home / "my_settings.py").write_text("EPOCHS = 80\n", encoding="utf-8")
    settings = home / "pipeline.toml"
    text = settings.read_text(encoding="utf-8")
    text, count = re.subn(r"(?m)^\[training\].*$", '[training]\nmodule_file = "my_model.py"', text)
    assert count == 1
    settings.write_text(text, encoding="utf-8")
    capfd.readouterr()
    return home


@pytest.mark.long
def test_the_documented_module(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import tensorflow as tf

    def run() -> tuple[dict[str, Any], set[str]]:
        code = main(["run", "--dataset", "iris", "--json"])
        out, err = capfd.readouterr()
        assert code == 0, err
        summary = json.loads(out)
        return summary, {one["id"] for one in summary["components"] if one["state"] == "executed"}

    first, executed = run()
    assert {"Transform", *LEARNED} <= executed
    assert first["metrics"]["accuracy"] > 0.8
    assert first["pushed"] == 1, first["violation_texts"]
    model = tf.saved_model.load(str(tmp_path / "runs" / "iris" / "registry" / "1"))
    centimetres = {"sepal_length__cm_": 5.1, "sepal_width__cm_": 3.5, "petal_length__cm_": 1.4, "petal_width__cm_": 0.2}
    said = model.signatures["serving_default"](**{name: tf.constant([value]) for name, value in centimetres.items()})
    assert (said["class"].numpy().tolist(), said["model_version"].numpy().tolist()) == ([b"setosa"], [b"1"])

    again, executed = run()
    assert executed == set()
    assert again["fingerprints"] == first["fingerprints"]

    (folder / "my_settings.py").write_text("EPOCHS = 1\n", encoding="utf-8")
    edited, executed = run()
    assert {"Transform", "Trainer"} <= executed
    assert not {"ArrowExampleGen", "StatisticsGen", "LabelAudit"} & executed
    assert edited["fingerprints"]["data"] == first["fingerprints"]["data"]
    assert edited["fingerprints"]["code"] != first["fingerprints"]["code"]
    assert main(["compare", "--dataset", "iris", first["run_id"], edited["run_id"]]) == 0
    told = capfd.readouterr().out
    assert "model-centric" in told
    assert re.search(r"code +my_settings\.py", told)
