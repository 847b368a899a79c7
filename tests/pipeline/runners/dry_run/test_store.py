"""A folder that stands in for an object store, and a real S3: the same from the outside."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.runners.dry_run.store import ArtifactStore, Content, FolderStore, PlainStore, S3Store
from tests.pipeline.runners.dry_run.pipelines import MAKE, USE, N, Shell


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An S3 on this machine with an empty bucket."""
    pytest.importorskip("obstore")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sets the environment for that S3; returns its URL."""
    import boto3

    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="bucket")
    return endpoint


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    request.getfixturevalue("s3")
    return S3Store()


def _tree(folder: Path) -> Path:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "er" / "ü b").write_bytes(b"\0" * 70_000)
    return folder


def test_a_folder_comes_back_without_its_empty_folders(store: ArtifactStore, tmp_path: Path) -> None:
    uri = f"s3://bucket/{os.urandom(4).hex()}/tree"
    stored = store.upload(_tree(tmp_path / "tree"), uri)
    assert stored == store.content(uri) == Content(objects=2, bytes=70_001)
    assert store.download(uri, tmp_path / "back") == stored
    back = {path.relative_to(tmp_path / "back").as_posix() for path in (tmp_path / "back").rglob("*")}
    assert back == {"a.txt", "deep", "deep/er", "deep/er/ü b"}
    assert (tmp_path / "back" / "deep" / "er" / "ü b").read_bytes() == b"\0" * 70_000


def test_a_file_comes_back_as_a_file(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")
    uri = f"s3://bucket/{os.urandom(4).hex()}/file"
    assert store.upload(tmp_path / "one", uri) == Content(1, 3)
    store.download(uri, tmp_path / "x" / "back")
    assert (tmp_path / "x" / "back").read_text() == "one"


def test_a_name_that_begins_alike_is_another(store: ArtifactStore, tmp_path: Path) -> None:
    root = f"s3://bucket/{os.urandom(4).hex()}"
    store.upload(_tree(tmp_path / "tree"), f"{root}/model")
    store.upload(_tree(tmp_path / "other"), f"{root}/model_run")
    assert store.content(f"{root}/model").objects == 2
    store.remove(f"{root}/model")
    assert store.content(f"{root}/model") == Content(0, 0)
    assert store.content(f"{root}/model_run").objects == 2


def test_nothing_is_there(store: ArtifactStore, tmp_path: Path) -> None:
    uri = "s3://bucket/nothing"
    assert store.content(uri) == store.download(uri, tmp_path / "back") == Content(0, 0)
    assert not (tmp_path / "back").exists()
    store.remove(uri)


def test_a_key_cannot_leave_the_store(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"'\.\.' in a key"):
        FolderStore(tmp_path / "store").content("s3://bucket/../../secret")


def test_a_plain_folder_is_its_own_store(tmp_path: Path) -> None:
    tree = _tree(tmp_path / "tree")
    assert PlainStore().content(f"file://{tree}") == Content(2, 70_001)
    PlainStore().remove(str(tree))
    assert not tree.exists()


def test_a_run_on_a_real_s3(shell: Shell, s3: str) -> None:
    import boto3

    work: dict[str, Any] = {"work": shell.folder / "work", "storage": None}
    report, failure = shell.run({"make": MAKE, "use": USE}, N, **work)
    assert failure is None
    key = report.outputs[0]["uri"].removeprefix("s3://bucket/") + "/words.txt"
    stored = boto3.client("s3", endpoint_url=s3, region_name="us-east-1").get_object(Bucket="bucket", Key=key)
    assert stored["Body"].read() == b"1\n2\n3\n"
    assert shell.states(**work) == {"make": "kept", "use": "kept"}
    missing = shell.fails(root="s3://no-such-bucket/x", **work)
    assert missing.startswith("task make: ")
    assert "no-such-bucket" in missing
