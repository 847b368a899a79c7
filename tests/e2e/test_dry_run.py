"""A dry run of the compiled pipeline gives the same model and metrics as `plumbline run`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn import datasets

from tests.e2e.project import Project, Result

pytestmark = pytest.mark.cluster

SAME = 1e-6
"""Metrics may differ by that much, relatively: sums of floats in another order."""


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """Starts a local S3 server with an empty bucket; environment variables name it as on a cluster."""
    pytest.importorskip("obstore")
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_REGION", "us-east-1")
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")
        yield "s3://bucket/root"
    server.stop()


def _dry_run(project: Project, dataset: str, data: Path, root: str) -> Result:
    """Compiles the pipeline and runs it on this machine."""
    home = ["--dataset", dataset, "--data", str(data), "--root", root, "--image", "none", "-o", "pipeline.yaml"]
    compiled = project.plumbline("compile", *home)
    assert compiled.code == 0, compiled.err
    return project.plumbline(
        "dry-run", "pipeline.yaml", "--no-image", "--no-retries", "--json", "--work", str(project.folder / "work")
    )


def _destination(result: Result) -> str:
    """Returns the location of the pushed version; asserts that every step was executed."""
    assert result.code == 0, result.err
    assert result.summary["pushed"] == [{"step": "RegistryPusher", "version": "1"}]
    assert {step["state"] for step in result.summary["steps"]} == {"done"}
    (pushed,) = (output for output in result.summary["outputs"] if output["name"] == "pushed_model")
    return str(pushed["metadata"]["pushed_destination"])


def test_binary_on_an_object_store(tmp_path: Path, bucket: str) -> None:
    project = Project(tmp_path)
    dry = _dry_run(project, "flights", project.folder / "spans", bucket)
    assert _destination(dry) == f"{bucket}/flights/registry/1"
    metrics = json.loads(_object(f"{bucket}/flights/registry/1/manifest.json"))["metrics"]
    assert metrics == pytest.approx(project.run().summary["metrics"], rel=SAME)

    again = project.plumbline(
        "dry-run", "pipeline.yaml", "--no-image", "--json", "--work", str(project.folder / "work")
    )
    assert {step["state"] for step in again.summary["steps"]} == {"kept"}


def test_inside_the_image(tmp_path: Path, bucket: str, image_tag: str) -> None:
    """Runs every step in its own container, which shares only the spans with this machine."""
    project = Project(tmp_path)
    metrics = _metrics_of_containers(project, "flights", project.folder / "spans", f"{bucket}-image", image_tag)
    assert metrics == pytest.approx(project.run().summary["metrics"], rel=SAME)


def _metrics_of_containers(
    project: Project, dataset: str, data: Path, root: str, image: str, *volumes: str
) -> dict[str, Any]:
    """Compiles the pipeline, runs it in the image and returns the metrics of the version that was pushed."""
    home = ["--dataset", dataset, "--data", "/data", "--root", root, "--image", image, "-o", "pipeline.yaml"]
    compiled = project.plumbline("compile", *home)
    assert compiled.code == 0, compiled.err
    variables = [f"--env={name}" for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    shared = [f"--volume={volume}" for volume in (f"{data}:/data:ro", *volumes)]
    dry = project.plumbline(
        "dry-run", "pipeline.yaml", *shared, *variables, "--env=AWS_REGION", "--no-retries", "--json",
        "--work", str(project.folder / "work"),
    )  # fmt: skip
    assert _destination(dry) == f"{root}/{dataset}/registry/1"
    (evaluated,) = (out for out in dry.summary["outputs"] if out["name"] == "evaluation")
    metrics: dict[str, Any] = json.loads(_object(f"{evaluated['uri']}/verdict.json"))["metrics"]
    return metrics


def _object(url: str) -> bytes:
    import boto3

    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bytes(boto3.client("s3", region_name="us-east-1").get_object(Bucket=bucket, Key=key)["Body"].read())


TABLES = [
    pytest.param(datasets.load_iris, "accuracy", {}, id="multiclass"),
    pytest.param(datasets.load_diabetes, "rmse", {"scaled": False}, id="regression"),
]


@pytest.mark.parametrize(("load", "metric", "options"), TABLES)
def test_ones_own_data(load: Any, metric: str, options: dict[str, Any], tmp_path: Path) -> None:
    project = Project(tmp_path)
    data = _own_table(project, load(as_frame=True, **options))
    version = Path(_destination(_dry_run(project, "mine", data, str(project.folder / "root"))))
    metrics = json.loads((version / "manifest.json").read_text())["metrics"]
    _same_as_run(project, metrics, metric)


@pytest.mark.parametrize(("load", "metric", "options"), TABLES)
def test_ones_own_data_inside_the_image(
    load: Any, metric: str, options: dict[str, Any], tmp_path: Path, bucket: str, image_tag: str
) -> None:
    project = Project(tmp_path)
    data = _own_table(project, load(as_frame=True, **options))
    schemas = f"{project.folder / 'schemas'}:/app/schemas:ro"  # the image that is built here knows the flights alone
    metrics = _metrics_of_containers(project, "mine", data, f"{bucket}-{metric}", image_tag, schemas)
    _same_as_run(project, metrics, metric)


def _own_table(project: Project, loaded: Any) -> Path:
    """Writes one of scikit-learn's tables and its settings; returns its folder."""
    frame = loaded.frame
    if "target_names" in loaded:
        frame = frame.assign(target=loaded.target.map(dict(enumerate(loaded.target_names))))
    data = project.folder / "table" / "data.csv"
    data.parent.mkdir()
    frame.to_csv(data, index=False)
    made = project.plumbline("init", "--data", str(data), "--label", "target", "--name", "mine")
    assert made.code == 0, made.err
    return data.parent


def _same_as_run(project: Project, metrics: dict[str, Any], metric: str) -> None:
    ran = project.plumbline("run", "--dataset", "mine", "--json")
    assert ran.code == 0, ran.err
    assert metrics == pytest.approx(ran.summary["metrics"], rel=SAME)
    assert metric in metrics
