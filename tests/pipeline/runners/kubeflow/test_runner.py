"""The DAG compiles for Kubeflow and Vertex AI, without anything that the open-source backend refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.shared.errors import ConfigError, UsageError
from pipeline.runners.kubeflow.steps import DEFAULTS, needs
from pipeline.settings.config import Config, load_config
from tests.projects import load_flights

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[4]
EVERY_STEP = 15  # 14 components, and the step that looks first

SETTINGS = """
[kubeflow]
image = "plumbline:test"
retries = 1
environment = { AWS_REGION = "eu-west-1" }
[kubeflow.secrets.storage]
AWS_ACCESS_KEY_ID = "accesskey"
[kubeflow.components.Trainer]
cpu = 4
memory = "16Gi"
accelerator = "nvidia.com/gpu"
vertex_accelerator = "NVIDIA_TESLA_T4"
accelerators = 1
node_selector = { pool = "gpu" }
tolerations = [{ key = "nvidia.com/gpu" }]
cache = false
"""


def flights() -> Config:
    return load_config(PROJECT / "schemas" / "flights" / "pipeline.toml")


def compiled(output: Path, config: Config | None = None, **changed: Any) -> Path:
    from pipeline.runners.kubeflow.runner import compile_pipeline

    given = {"data": "s3://bucket/spans", "root": "s3://bucket/root", "image": "plumbline:test"} | changed
    compile_pipeline(config or flights(), output=output, **given)
    return output


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("kubeflow") / "pipeline.yaml")


@pytest.fixture(scope="module")
def spec(file: Path) -> dict[str, Any]:
    return next(yaml.safe_load_all(file.read_text()))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The flights with a [kubeflow] table."""
    return load_flights(tmp_path_factory.mktemp("flights"), SETTINGS)


def parsed(file: Path) -> tuple[Any, Any]:
    """Both documents as protos, as kfp's client reads them."""
    from kfp.client.client import _extract_pipeline_yaml

    found = _extract_pipeline_yaml(str(file))
    return found.pipeline_spec, found.platform_spec


def test_is_a_pipeline_spec_that_kfp_loads(file: Path) -> None:
    from kfp import components

    found, platform = parsed(file)
    assert found.pipeline_info.name == "flights"
    assert found.default_pipeline_root == "s3://bucket/root/flights/artifacts"
    assert len(found.root.dag.tasks) == EVERY_STEP
    assert set(platform.platforms) == {"kubernetes"}
    assert components.load_component_from_file(str(file)).pipeline_spec.pipeline_info.name == "flights"


def test_needs_no_resolver_and_no_driver(spec: dict[str, Any]) -> None:
    executors = spec["deploymentSpec"]["executors"]
    assert len(executors) == EVERY_STEP
    for name, executor in executors.items():
        assert set(executor) == {"container"}, name
        assert "lifecycle" not in executor["container"], name
        assert executor["container"]["image"] == "plumbline:test"
        assert executor["container"]["command"][:2] == ["python", "-m"]


def test_trains_only_behind_the_gate(spec: dict[str, Any]) -> None:
    tasks = spec["root"]["dag"]["tasks"]
    assert "DataGate" in tasks["Transform"]["dependentTasks"]
    assert "Transform" in tasks["Trainer"]["dependentTasks"]


def test_every_default_is_of_a_component(spec: dict[str, Any]) -> None:
    assert DEFAULTS.keys() - {"Tuner"} <= spec["root"]["dag"]["tasks"].keys()


@pytest.mark.parametrize("name", ["Predictor", "ChampionEvaluator", "ErrorAnalysis"])
def test_steps_that_judge_a_model_have_the_memory_and_the_retries_of_the_trainer(
    spec: dict[str, Any], name: str
) -> None:
    executors, tasks = spec["deploymentSpec"]["executors"], spec["root"]["dag"]["tasks"]
    given, trainers = (executors[f"{step}_executor"]["container"]["resources"] for step in (name, "Trainer"))
    assert {"model", "examples"} <= tasks[name]["inputs"]["artifacts"].keys()
    assert (given["resourceCpuLimit"], given["resourceMemoryLimit"]) == ("4", "8Gi")
    assert given["resourceMemoryLimit"] == trainers["resourceMemoryLimit"]
    assert tasks[name]["retryPolicy"] == tasks["Trainer"]["retryPolicy"]


def test_only_the_first_step_is_never_cached(spec: dict[str, Any]) -> None:
    tasks = spec["root"]["dag"]["tasks"]
    uncached = [name for name, task in tasks.items() if not task["cachingOptions"].get("enableCache")]
    assert uncached == ["Preflight"]
    # What reads the world outside is pinned by what that step saw; and nothing begins before it has seen it.
    pinned = {
        (name, key): source["taskOutputParameter"]
        for name, task in tasks.items()
        for key, source in task["inputs"].get("parameters", {}).items()
        if "taskOutputParameter" in source
    }
    assert {place: found["outputParameterKey"] for place, found in pinned.items()} == {
        ("ArrowExampleGen", "span"): "span",
        ("ArrowExampleGen", "fingerprint"): "data_fingerprint",
        ("ChampionResolver", "version"): "champion",
        ("RegistryPusher", "registry_id"): "registry_id",
    }
    for name, task in tasks.items():
        if name != "Preflight":
            assert task["dependentTasks"], name
    assert tasks["ImportSchemaGen"]["dependentTasks"] == ["Preflight"]
    assert tasks["Preflight"]["inputs"]["parameters"]["span"] == {"componentInputParameter": "span"}
    assert tasks["ArrowExampleGen"]["inputs"]["parameters"]["window"] == {"componentInputParameter": "window"}


def test_schema_content_is_in_the_cache_key(spec: dict[str, Any]) -> None:
    arguments = spec["deploymentSpec"]["executors"]["ImportSchemaGen_executor"]["container"]["args"]
    schema = spec["root"]["dag"]["tasks"]["Preflight"]["inputs"]["parameters"]["schema"]["runtimeValue"]["constant"]
    assert f"--schema_sha256={schema}" in arguments


def test_run_parameters(spec: dict[str, Any]) -> None:
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert {name: one["defaultValue"] for name, one in parameters.items()} == {"span": -1, "window": 11}
    assert {one["parameterType"] for one in parameters.values()} == {"NUMBER_INTEGER"}


def test_is_deterministic(file: Path, tmp_path: Path) -> None:
    assert compiled(tmp_path / "pipeline.yaml").read_bytes() == file.read_bytes()


def test_retries_with_backoff(spec: dict[str, Any]) -> None:
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["Trainer"]["retryPolicy"] == {
        "maxRetryCount": 2,
        "backoffDuration": "60s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "604800s",  # all attempts together: a step may well take hours
    }
    assert "retryPolicy" not in tasks["DataGate"]


def test_own_settings(own: Config, tmp_path: Path) -> None:
    file = compiled(tmp_path / "p.yaml", own)
    parsed(file)
    spec, platform = yaml.safe_load_all(file.read_text())
    container = spec["deploymentSpec"]["executors"]["Trainer_executor"]["container"]
    assert container["env"] == [{"name": "AWS_REGION", "value": "eu-west-1"}]
    assert container["resources"] == {
        "cpuLimit": 4.0,
        "cpuRequest": 0.5,
        "memoryLimit": 17.179869184,
        "memoryRequest": 4.294967296,
        "resourceCpuLimit": "4",
        "resourceCpuRequest": "500m",
        "resourceMemoryLimit": "16Gi",
        "resourceMemoryRequest": "4Gi",
        "accelerator": {
            "type": "nvidia.com/gpu",
            "count": "1",
            "resourceType": "nvidia.com/gpu",
            "resourceCount": "1",
        },
    }
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["Trainer"]["cachingOptions"] == {}
    assert tasks["Transform"]["retryPolicy"]["maxRetryCount"] == 1
    trainer = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["Trainer_executor"]
    assert trainer["secretAsEnv"] == [
        {
            "secretName": "storage",
            "secretNameParameter": {"runtimeValue": {"constant": "storage"}},
            "keyToEnv": [{"envVar": "AWS_ACCESS_KEY_ID", "secretKey": "accesskey"}],
            "optional": False,
        }
    ]
    assert trainer["nodeSelector"] == {"labels": {"pool": "gpu"}}
    assert trainer["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert needs(own, "DataGate").retries == 0  # a default of the component's own is not what [kubeflow] says for all


def test_which_image(own: Config, tmp_path: Path) -> None:
    """A component's own, else the command line's, else the settings'."""
    trainer = own.kubeflow.components["Trainer"].model_copy(update={"image": "trainer:gpu"})
    kubeflow = own.kubeflow.model_copy(update={"components": {"Trainer": trainer}})
    for given, expected in (("plumbline:other", "plumbline:other"), (None, "plumbline:test")):
        file = compiled(tmp_path / "p.yaml", own.model_copy(update={"kubeflow": kubeflow}), image=given)
        executors = next(yaml.safe_load_all(file.read_text()))["deploymentSpec"]["executors"]
        images = {label: executor["container"]["image"] for label, executor in executors.items()}
        assert images.pop("Trainer_executor") == "trainer:gpu"
        assert set(images.values()) == {expected}


def test_vertex(own: Config, tmp_path: Path) -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    places = {"target": "vertex", "data": "gs://bucket/spans", "root": "gs://bucket/root"}
    text = compiled(tmp_path / "p.json", own, **places).read_text()
    json_format.Parse(text, pipeline_spec_pb2.PipelineJob())
    job = json.loads(text)
    assert job["runtimeConfig"] == {"gcsOutputDirectory": "gs://bucket/root/flights/artifacts"}
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    assert executors["Trainer_executor"]["container"]["resources"] == {
        "cpuLimit": 4.0,
        "memoryLimit": 17.179869184,
        "accelerator": {"type": "NVIDIA_TESLA_T4", "count": "1"},
    }
    with pytest.raises(ConfigError, match="Vertex AI stores artifacts on gs:// only"):
        compiled(tmp_path / "p.json", target="vertex")


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        (
            {"root": "hdfs://namenode/x"},
            ConfigError,
            "artifacts cannot be stored on hdfs://; legal: gs://, minio://, s3://",
        ),
        ({"data": "minio://bucket/spans"}, ConfigError, "write s3:// and set AWS_ENDPOINT_URL"),
        ({"image": None}, ConfigError, "no image with Plumbline"),
        ({"data": None}, ConfigError, "no location of the spans"),
        ({"output": Path("p.json")}, UsageError, "takes YAML"),
    ],
)
def test_what_no_cluster_could_run(tmp_path: Path, changed: dict[str, Any], error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        compiled(tmp_path / changed.pop("output", "p.yaml"), **changed)


@pytest.mark.parametrize(("table", "label"), [("iris", "target"), ("diabetes", "target")])
def test_other_tasks(table: str, label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn import datasets

    from pipeline.onboarding.initialise.dataset import initialise

    monkeypatch.chdir(tmp_path)
    frame = getattr(datasets, f"load_{table}")(as_frame=True).frame
    if table == "iris":
        frame[label] = frame[label].map({0: "setosa", 1: "versicolor", 2: "virginica"})
    frame.to_csv(f"{table}.csv", index=False)
    initialise(f"{table}.csv", label)
    config = load_config(tmp_path / "schemas" / table / "pipeline.toml")
    assert config.dataset.task == {"iris": "multiclass", "diabetes": "regression"}[table]
    found, _ = parsed(compiled(tmp_path / "p.yaml", config))
    assert len(found.root.dag.tasks) == EVERY_STEP


def test_custom_artifact_types_are_found_again() -> None:
    from tfx.utils import import_utils

    from components.shared.artifacts.artifact_types import DriftReport

    assert import_utils.import_class_by_path(DriftReport.TYPE_NAME) is DriftReport
