"""The DAG compiles for Kubeflow, without anything that the open-source backend refuses."""

from pathlib import Path

import pytest
import yaml

from pipeline.config import load_config

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _compile(tmp_path_factory.mktemp("kubeflow") / "pipeline.yaml")


def _compile(output: Path) -> Path:
    from pipeline.run_kubeflow import compile_pipeline

    config = load_config(PROJECT / "schemas" / "flights" / "pipeline.toml")
    compile_pipeline(config, data="gs://bucket/spans", root="gs://bucket/root", image="plumbline:test", output=output)
    return output


def test_is_a_pipeline_spec(compiled: Path) -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    spec = json_format.ParseDict(yaml.safe_load(compiled.read_text()), pipeline_spec_pb2.PipelineSpec())
    assert spec.pipeline_info.name == "flights"
    assert len(spec.root.dag.tasks) == 13


def test_kfp_loads_it(compiled: Path) -> None:
    from kfp import components

    assert components.load_component_from_file(str(compiled)).pipeline_spec.pipeline_info.name == "flights"


def test_needs_no_resolver_and_no_driver(compiled: Path) -> None:
    executors = yaml.safe_load(compiled.read_text())["deploymentSpec"]["executors"]
    assert len(executors) == 13
    for name, executor in executors.items():
        assert set(executor) == {"container"}, name
        assert "lifecycle" not in executor["container"], name
        assert executor["container"]["image"] == "plumbline:test"


def test_trains_only_behind_the_gate(compiled: Path) -> None:
    tasks = yaml.safe_load(compiled.read_text())["root"]["dag"]["tasks"]
    assert "DataGate" in tasks["Transform"]["dependentTasks"]
    assert "Transform" in tasks["Trainer"]["dependentTasks"]


def test_is_deterministic(compiled: Path, tmp_path: Path) -> None:
    assert _compile(tmp_path / "pipeline.yaml").read_bytes() == compiled.read_bytes()


def test_custom_artifact_types_are_found_again(compiled: Path) -> None:
    from tfx.utils import import_utils

    from components.artifacts import DriftReport

    assert import_utils.import_class_by_path(DriftReport.TYPE_NAME) is DriftReport
