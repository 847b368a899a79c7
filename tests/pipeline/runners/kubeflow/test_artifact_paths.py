"""URIs and the folders that stand for them in a container."""

import pytest

from components.shared.errors import ConfigError
from pipeline.runners.kubeflow.artifact_paths import below, check_parameter_url, local_path, registry_below


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("s3://bucket/a/b", "/s3/bucket/a/b"),
        ("gs://bucket/a", "/gcs/bucket/a"),
        ("minio://mlpipeline/v2/x", "/minio/mlpipeline/v2/x"),
        ("/tmp/kfp_outputs/output_metadata.json", "/tmp/kfp_outputs/output_metadata.json"),
        ("file:///data/x", "/data/x"),
    ],
)
def test_local_path_is_the_launchers(uri: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUMBLINE_MOUNT", raising=False)
    assert local_path(uri) == path


def test_mount_moves_stores_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_MOUNT", "/scratch")
    assert local_path("s3://bucket/a") == "/scratch/s3/bucket/a"
    assert local_path("/a/b") == "/a/b"


def test_unknown_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match="hdfs:// cannot be reached from a step; legal: gs://, minio://, s3://"):
        local_path("hdfs://namenode/x")


def test_query_of_a_root_stays_at_the_end() -> None:
    assert below("s3://b/x/?region=eu", "flights", "artifacts") == "s3://b/x/flights/artifacts?region=eu"
    assert registry_below("minio://b/x?region=eu", "flights") == "s3://b/x/flights/registry"
    assert registry_below("/runs/", "flights") == "/runs/flights/registry"


def test_minio_is_no_parameter() -> None:
    with pytest.raises(ConfigError, match="only KFP's launcher supports minio://"):
        check_parameter_url("data", "minio://bucket/spans")
