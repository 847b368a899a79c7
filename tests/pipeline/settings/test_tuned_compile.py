"""The search as a step of a cluster's pipeline: there only if asked for, and before the Trainer."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.settings.config import load_config
from pipeline.settings.sections.tune import TuneSection

pytestmark = pytest.mark.slow

FLIGHTS = Path(__file__).parents[3] / "schemas" / "flights" / "pipeline.toml"


def compiled(output: Path, tune: TuneSection) -> dict[str, Any]:
    from pipeline.runners.kubeflow.runner import compile_pipeline

    config = load_config(FLIGHTS).model_copy(update={"tune": tune})
    compile_pipeline(config, output=output, data="s3://bucket/spans", root="s3://bucket/root", image="plumbline:test")
    found: dict[str, Any] = next(yaml.safe_load_all(output.read_text()))
    return found


def test_a_step_before_the_trainer(tmp_path: Path) -> None:
    spec = compiled(tmp_path / "tuned.yaml", TuneSection(trials=3))
    taken = spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["artifacts"]["hyperparameters"]
    assert taken["taskOutputArtifact"] == {"outputArtifactKey": "best_hyperparameters", "producerTask": "Tuner"}
    container = spec["deploymentSpec"]["executors"]["Tuner_executor"]["container"]
    assert any("components.tuner.component.Tuner_Executor" in argument for argument in container["args"])
    assert container["resources"]["resourceMemoryLimit"] == "8Gi"
    (output,) = spec["components"]["Tuner"]["outputDefinitions"]["artifacts"].values()
    assert "HyperParameters" in str(output)
    off = compiled(tmp_path / "off.yaml", TuneSection())
    assert off["root"]["dag"]["tasks"].keys() == spec["root"]["dag"]["tasks"].keys() - {"Tuner"}
    assert "hyperparameters" not in off["root"]["dag"]["tasks"]["Trainer"]["inputs"]["artifacts"]
