"""Beam's workers in other pods: they can read a step's artifacts, or the pipeline is refused when it is compiled."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.shared.errors import ConfigError
from pipeline.runners.kubeflow.beam_workers import check_workers
from pipeline.runners.kubeflow.plan import resolve_plan
from pipeline.settings.config import Config, load_config
from pipeline.settings.sections.beam import BeamSection
from tests.pipeline.runners.kubeflow.steps import PROJECT

pytestmark = pytest.mark.slow

FLINK = {
    "profile": "flink",
    "flink": {"job_server": "plumbline-flink-jobserver:8099", "workers": "localhost:50000"},
}
DATAFLOW = {
    "profile": "dataflow",
    "dataflow": {
        "project": "acme",
        "region": "europe-west4",
        "temp_location": "gs://bucket/tmp",
        "image": "host/image:1",
    },
}
REMOTE = {"environment": {"PLUMBLINE_ARTIFACTS": "remote"}}
BEAM_BASED = {"ArrowExampleGen", "StatisticsGen", "Transform"}


def flights(beam: dict[str, Any], **kubeflow: Any) -> Config:
    config = load_config(PROJECT / "schemas" / "flights" / "pipeline.toml")
    own = config.kubeflow.model_copy(update=kubeflow)
    return config.model_copy(update={"beam": BeamSection.model_validate(beam), "kubeflow": own})


def compiled(folder: Path, config: Config, **changed: Any) -> list[dict[str, Any]]:
    from pipeline.runners.kubeflow.runner import compile_pipeline

    given = {"data": "s3://bucket/spans", "root": "s3://bucket/root", "image": "plumbline:test"} | changed
    compile_pipeline(config, output=folder / "p.yaml", **given)
    return list(yaml.safe_load_all((folder / "p.yaml").read_text()))


@pytest.mark.parametrize("root", ["s3://bucket/root", "minio://mlpipeline/root", "gs://bucket/root"])
def test_flink_without_a_shared_folder_is_refused(tmp_path: Path, root: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compiled(tmp_path, flights(FLINK), root=root)
    said = str(refused.value)
    assert "[beam] profile flink: its workers cannot access artifacts of" in said
    assert f"{root}/flights/artifacts" in said
    assert "name a volume claim that both mount in [kubeflow] beam_claim, or set profile to local" in said
    assert not (tmp_path / "p.yaml").exists()


def test_steps_on_flink_mount_the_claim(tmp_path: Path) -> None:
    spec, platform = compiled(tmp_path, flights(FLINK, beam_claim="plumbline-beam"))
    executors = spec["deploymentSpec"]["executors"]
    settings = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    variable = {"name": "PLUMBLINE_SHARED", "value": "/beam"}
    with_variable = {label for label, one in executors.items() if variable in one["container"].get("env", [])}
    with_claim = {label for label, one in settings.items() if "pvcMount" in one}
    assert with_variable == with_claim == {f"{name}_executor" for name in BEAM_BASED}
    (mount,) = settings["Transform_executor"]["pvcMount"]
    assert mount["mountPath"] == "/beam"
    assert mount["pvcNameParameter"] == {"runtimeValue": {"constant": "plumbline-beam"}}
    # The same folder as the workers', in the manifests that the page tells to apply.
    folder = PROJECT / "deploy" / "kubernetes" / "flink"
    (taskmanager,) = yaml.safe_load_all((folder / "taskmanager.yaml").read_text())
    pod = taskmanager["spec"]["template"]["spec"]
    (workers,) = (one for one in pod["containers"] if one["name"] == "beam-workers")
    (volume,) = (
        one for one in pod["volumes"] if one.get("persistentVolumeClaim", {}).get("claimName") == "plumbline-beam"
    )
    assert {"name": volume["name"], "mountPath": "/beam"} in workers["volumeMounts"]
    assert yaml.safe_load((folder / "volume.yaml").read_text())["metadata"]["name"] == "plumbline-beam"


@pytest.mark.parametrize(
    ("beam", "kubeflow", "changed"),
    [
        ({}, {"beam_claim": "plumbline-beam"}, {}),  # workers in the step's own process
        (FLINK, {"beam_claim": "plumbline-beam"}, {"root": "runs"}),  # a folder, as for a dry run on Flink
        (FLINK, REMOTE, {"root": "gs://bucket/root"}),
        (FLINK, {**REMOTE, "beam_claim": "plumbline-beam"}, {}),  # URLs as they are: nothing is copied to the claim
    ],
)
def test_without_need_no_claim_is_mounted(
    tmp_path: Path, beam: dict[str, Any], kubeflow: dict[str, Any], changed: dict[str, Any]
) -> None:
    text = str(compiled(tmp_path, flights(beam, **kubeflow), **changed))
    assert "pvcMount" not in text
    assert "PLUMBLINE_SHARED" not in text


def test_what_the_workers_of_dataflow_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="root s3://bucket/root/flights/artifacts: Dataflow's workers read gs:// only"
    ):
        compiled(tmp_path, flights(DATAFLOW))
    with pytest.raises(ConfigError, match="data s3://bucket/spans: Dataflow's workers read gs:// only"):
        compiled(tmp_path, flights(DATAFLOW), root="gs://bucket/root")
    compiled(tmp_path, flights(DATAFLOW), root="gs://bucket/root", data="gs://bucket/spans")


@pytest.mark.parametrize(
    ("beam", "chosen", "bucket", "said"),
    [
        (FLINK, "remote", "minio://mlpipeline", "PLUMBLINE_ARTIFACTS=remote: Beam does not support minio://"),
        ({}, "remote", "minio://mlpipeline", "PLUMBLINE_ARTIFACTS=remote: Beam does not support minio://"),
        (DATAFLOW, "local", "gs://bucket", "PLUMBLINE_ARTIFACTS=local: Dataflow's workers cannot access the disk"),
        (FLINK, "Remote", "s3://bucket", "PLUMBLINE_ARTIFACTS=Remote: legal: local, remote"),
    ],
)
def test_what_the_environment_says_of_artifacts_has_to_fit(
    beam: dict[str, Any], chosen: str, bucket: str, said: str
) -> None:
    config = flights(beam, environment={"PLUMBLINE_ARTIFACTS": chosen}, beam_claim="plumbline-beam")
    plan = resolve_plan(
        config, data="gs://bucket/spans", root=f"{bucket}/root", image="plumbline:test", target="kubeflow"
    )
    with pytest.raises(ConfigError, match=said):
        check_workers(config, plan, "kubeflow")


def test_vertex_mounts_no_claim(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="step's pod; set profile to local"):
        compiled(tmp_path, flights(FLINK, beam_claim="x"), target="vertex", root="gs://b/r", data="gs://b/s")
