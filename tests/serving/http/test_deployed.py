"""The server as deploy/kubernetes/serving starts it: registry in a bucket, token, its own folders; and how it ends."""

import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.registry.registry import Registry
from tests.components.registry.bucket_place import BucketPlace
from tests.components.registry.bucket_place import bucket as bucket
from tests.components.registry.bucket_place import s3_server as s3_server
from tests.projects import flights_project
from tests.serving.http import running
from tests.serving.http.running import wait_for
from tests.serving.models.saved_models import push

pytestmark = pytest.mark.slow

MANIFEST = Path(__file__).parents[3] / "deploy" / "kubernetes" / "serving" / "deployment.yaml"
TOKEN = {"Authorization": "Bearer a-token-of-this-test"}
OWN = ("--dataset", "--port", "--host")
"""Options that the tests' servers have themselves."""


@pytest.fixture
def server(tmp_path: Path, bucket: BucketPlace, models: dict[float, Path]) -> Iterator[running.Server]:
    """Started with the arguments of the Deployment; only folders, host and port are the test's."""
    push(Registry(bucket.location), models[1.0])
    (tmp_path / "token").write_text(TOKEN["Authorization"].removeprefix("Bearer ") + "\n")
    (container,) = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["spec"]["template"]["spec"]["containers"]
    places = {
        "/token/token": str(tmp_path / "token"),
        "/runs": str(tmp_path / "runs"),
        "$(REGISTRY_URL)": bucket.location,
    }
    words = []
    for word in container["args"]:
        if not word.startswith(OWN):
            name, value = word.split("=")
            words.append(f"{name}={places.get(value, value)}")
    started = running.start(flights_project(tmp_path / "project"), *words)
    yield started
    running.stop([started])


def test_serves_a_bucket_with_a_token_and_ends_in_order(server: running.Server, tmp_path: Path) -> None:
    assert server.predict(2.5).status == 401
    assert server.predict(2.5, TOKEN).json()["predictions"][0]["y"] == 2.5
    assert [server.ask("GET", path).status for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 401]
    wait_for(lambda: b'plumbline_registry_readable{model="flights"} 1.0' in metrics(server))
    text = metrics(server).decode()
    assert re.search(r'^plumbline_model_version\{model="flights",role="live"\} 1\.0$', text, re.MULTILINE)
    assert 'plumbline_request_log_rows{model="flights",state="dropped_disk"} 0.0' in text
    if promtool := shutil.which("promtool"):
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        complaints = (checked.stdout + checked.stderr).splitlines()
        assert [line for line in complaints if not line.startswith(":tensorflow:serving:")] == []
    home = tmp_path / "runs" / "flights"
    assert {path.name for path in home.iterdir()} == {"requests", "serving-cache"}, "the pod has a volume for each"

    # A request that is being sent when SIGTERM arrives is answered; new connections are refused meanwhile.
    body = b'{"instances": [{"x": 3.5}]}'
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        token = TOKEN["Authorization"].encode()
        head = b"POST /v1/models/flights:predict HTTP/1.1\r\nhost: a\r\nauthorization: %b\r\ncontent-length: %d\r\n"
        connection.sendall(head % (token, len(body)) + b"expect: 100-continue\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")  # the server has taken it
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: refused(server.port))
        assert server.process.poll() is None
        connection.sendall(body)
        assert b'"y":3.5' in connection.recv(65536)
    assert server.process.wait(60) == 128 + signal.SIGTERM
    sealed = list((home / "requests").rglob("*.parquet"))
    assert sealed, "the request log was not sealed"


def metrics(server: running.Server) -> bytes:
    return server.ask("GET", "/metrics", headers=TOKEN).body


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
