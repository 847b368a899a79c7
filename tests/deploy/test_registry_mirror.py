"""deploy/kubernetes/mirror copies the versions of the registry's aliases to the server's disk, from a folder and S3."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import obstore
import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "kubernetes" / "mirror" / "registry_mirror.py"
_spec = importlib.util.spec_from_file_location("registry_mirror", SCRIPT)
assert _spec and _spec.loader
registry_mirror = importlib.util.module_from_spec(_spec)
sys.modules["registry_mirror"] = registry_mirror  # dataclasses look their module up
_spec.loader.exec_module(registry_mirror)


def push(registry: Path, version: int) -> None:
    """Writes a version in the registry's layout: files, and a manifest with their SHA-256."""
    files = {"saved_model.pb": b"graph %d" % version, "variables/variables.index": b"weights"}
    for name, content in files.items():
        path = registry / str(version) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (registry / str(version) / "manifest.json").write_text(json.dumps({"version": version, "files": digests}))


def label(registry: Path, **labels: int | None) -> None:
    (registry / "labels.json").write_text(json.dumps({"id": "r", "previous": None, **labels}))


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    folder = tmp_path / "registry"
    folder.mkdir()
    for version in (1, 2):
        push(folder, version)
    label(folder, live=2, canary=None)
    return folder


def run(registry: Path, folder: Path, **options: Any) -> dict[str, dict[str, int]]:
    """Mirrors once; returns model -> label -> version."""
    models = registry_mirror.mirror(registry_mirror.open_registry(registry.as_uri()), folder, "flights", **options)
    return {name: dict(model.labels) for name, model in models.items()}


def parsed(folder: Path) -> list[Any]:
    """Parses models.config with TensorFlow Serving's parser; returns its models."""
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    text = (folder / "models.config").read_text()
    models = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert {model.base_path for model in models} == {str(folder / "versions")}
    assert {model.model_platform for model in models} == {"tensorflow"}
    return list(models)


def config_of(folder: Path) -> dict[str, list[int]]:
    """Returns model -> versions that the server loads."""
    return {model.name: list(model.model_version_policy.specific.versions) for model in parsed(folder)}


def labels_of(folder: Path) -> dict[str, dict[str, int]]:
    """Returns model -> label -> version."""
    return {model.name: dict(model.version_labels) for model in parsed(folder)}


def test_only_what_is_labelled_is_fetched_whole(registry: Path, tmp_path: Path) -> None:
    assert run(registry, tmp_path / "disk") == {"flights": {"live": 2}}
    assert [path.name for path in (tmp_path / "disk" / "versions").iterdir()] == ["2"]
    for path in (registry / "2").rglob("*.*"):
        assert (tmp_path / "disk" / "versions" / path.relative_to(registry)).read_bytes() == path.read_bytes()
    assert config_of(tmp_path / "disk") == {"flights": [2]}


@pytest.fixture
def server() -> Iterator[Any]:
    """Starts a server that returns model status as TensorFlow Serving does; `loaded`: model -> versions."""

    class Status(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            versions = self.server.loaded.get(self.path.removeprefix("/v1/models/"))  # type: ignore[attr-defined]
            states = [{"version": str(one), "state": "AVAILABLE"} for one in versions or ()]
            states.append({"version": "99", "state": "LOADING"})
            self.send_response(404 if versions is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps({"model_version_status": states}).encode())

        def log_message(self, *words: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Status)
    listening.loaded = {}  # type: ignore[attr-defined]
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield listening
    listening.shutdown()
    listening.server_close()


def test_a_rollback_and_a_canary_reach_the_server(registry: Path, tmp_path: Path, server: Any) -> None:
    disk, url = tmp_path / "disk", f"http://127.0.0.1:{server.server_port}"
    run(registry, disk)
    label(registry, live=1, canary=2)
    server.loaded = {"flights": [2]}
    # Version 1 is not loaded: moving the label to it would be refused, and 1 never loaded.
    assert run(registry, disk, server=url) == {"flights": {"live": 2}, "flights-canary": {"canary": 2}}
    assert config_of(disk) == {"flights": [1, 2], "flights-canary": [2]}
    assert run(registry, disk, server=url)["flights"] == {"live": 2}
    server.loaded = {"flights": [1, 2], "flights-canary": [2]}
    assert run(registry, disk, server=url)["flights"] == {"live": 1}
    assert config_of(disk) == {"flights": [1], "flights-canary": [2]}
    assert labels_of(disk) == {"flights": {"live": 1}, "flights-canary": {"canary": 2}}


def test_one_model_serves_both_labels(registry: Path, tmp_path: Path, server: Any) -> None:
    disk, url = tmp_path / "disk", f"http://127.0.0.1:{server.server_port}"
    label(registry, live=1, canary=2)
    assert run(registry, disk, one_model=True) == {"flights": {"live": 1, "canary": 2}}
    assert config_of(disk) == {"flights": [1, 2]}
    server.loaded = {"flights": [1, 2]}
    label(registry, live=2, canary=None)  # promoted: version 2 is loaded already, so one step is enough
    assert run(registry, disk, one_model=True, server=url) == {"flights": {"live": 2}}
    assert config_of(disk) == {"flights": [2]}


def test_labels_stay_while_the_server_does_not_answer(registry: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    run(registry, disk)
    label(registry, live=1, canary=None)
    assert run(registry, disk, server="http://127.0.0.1:1") == {"flights": {"live": 2}}
    assert config_of(disk) == {"flights": [1, 2]}


def test_labels_are_read_back_from_the_configuration() -> None:
    models = {
        'a "b"': registry_mirror.Model({"live": 3, "canary": 4}, (3, 4)),
        "c": registry_mirror.Model({}, (1,)),
    }
    text = registry_mirror.model_config(models, Path("/models/versions"))
    assert registry_mirror.assigned_labels(text) == {'a "b"': {"live": 3, "canary": 4}, "c": {}}


def test_an_empty_registry_serves_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    assert run(tmp_path / "registry", tmp_path / "disk") == {}
    assert not (tmp_path / "disk" / "models.config").exists()


def test_a_damaged_version_is_not_served(registry: Path, tmp_path: Path) -> None:
    run(registry, tmp_path / "disk")
    push(registry, 3)
    (registry / "3" / "variables" / "variables.index").write_bytes(b"weight!")
    label(registry, live=3, canary=None)
    with pytest.raises(ValueError, match=r"version 3: variables/variables.index is not the file that was pushed"):
        run(registry, tmp_path / "disk")
    assert config_of(tmp_path / "disk") == {"flights": [2]}
    assert not (tmp_path / "disk" / "versions" / "3").exists()
    push(registry, 3)  # repaired: what the refused attempt left must not stay in it
    run(registry, tmp_path / "disk")
    assert config_of(tmp_path / "disk") == {"flights": [2, 3]}


def test_a_half_pushed_version_is_not_served(registry: Path, tmp_path: Path) -> None:
    push(registry, 3)
    (registry / "3" / "saved_model.pb").unlink()
    label(registry, live=3, canary=None)
    with pytest.raises(FileNotFoundError):
        run(registry, tmp_path / "disk")
    assert not (tmp_path / "disk" / "models.config").exists()


@pytest.mark.parametrize("name", ["../../evil", "/evil"])
def test_a_manifest_cannot_write_elsewhere(registry: Path, tmp_path: Path, name: str) -> None:
    (registry / "2" / "manifest.json").write_text(json.dumps({"files": {name: "0"}}))
    with pytest.raises(ValueError, match="lies outside of it"):
        run(registry, tmp_path / "disk")


def test_what_is_no_longer_served_is_swept(registry: Path, tmp_path: Path) -> None:
    run(registry, tmp_path / "disk")
    label(registry, live=1, canary=None)
    run(registry, tmp_path / "disk")
    registry_mirror.sweep(tmp_path / "disk", {1})
    assert [path.name for path in (tmp_path / "disk" / "versions").iterdir()] == ["1"]


@pytest.fixture
def s3() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_the_init_container_ends_with_the_live_version_of_a_bucket(registry: Path, tmp_path: Path, s3: str) -> None:
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{s3}/plumbline", method="PUT"))
    about = {"AWS_ENDPOINT_URL": s3, "AWS_REGION": "us-east-1"}
    keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    store = obstore.store.S3Store(
        "plumbline",
        config={"endpoint": s3, "region": "us-east-1", "access_key_id": "any", "secret_access_key": "any"},
        client_options={"allow_http": True},
    )
    for path in registry.rglob("*.*"):
        obstore.put(store, f"runs/flights/registry/{path.relative_to(registry).as_posix()}", path.read_bytes())
    command = [sys.executable, SCRIPT, "--registry=s3://plumbline/runs/flights/registry", "--name=flights"]
    done = subprocess.run(
        [*command, f"--folder={tmp_path / 'disk'}", "--until-live", "--seconds=0.1"],
        env={**os.environ, **about, **keys},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "configured {'flights': Model(labels={'live': 2}, versions=(2,))}" in done.stderr
    assert config_of(tmp_path / "disk") == {"flights": [2]}
