"""Ends and accidents of a server: signals, killed processes, a full log, access without a token."""

import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.projects import CHECKOUT, flights_project
from tests.serving.http.running import Server, logged, wait_for

pytestmark = pytest.mark.slow


def ids(server: Server) -> Counter[str]:
    """Request id -> number of its rows in the log."""
    return Counter(row["request_id"] for row in logged(server, "select request_id from requests"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_ends_the_server_after_its_requests(start: Callable[..., Server], number: int, code: int) -> None:
    """A request whose body is still being sent when the signal comes is answered; then the log is complete."""
    server = start()
    body = b'{"instances": [{"x": 5}]}'
    head = b"POST /v1/models/flights:predict HTTP/1.1\r\nx-request-id: last\r\ncontent-length: %d\r\n\r\n" % len(body)
    for x in range(20):
        server.predict(float(x), {"X-Request-Id": f"r{x}"})
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head + body[:5])
        time.sleep(0.5)
        server.process.send_signal(number)
        time.sleep(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=5)
        connection.sendall(body[5:])
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert server.process.wait(60) == code
    assert ids(server) == Counter({**{f"r{x}": 1 for x in range(20)}, "last": 1})
    assert not list((server.root / "requests" / "open").glob("*.arrow*"))


def test_killed_worker_is_started_again_and_loses_no_acknowledged_row(start: Callable[..., Server]) -> None:
    """With [request_log] synchronous, every row that was answered is in the log, once, whatever was killed when."""
    server = start("--workers", "2", settings="[request_log]\nsynchronous = true\n")
    acknowledged: list[str] = []
    ended = threading.Event()

    def send(name: str) -> None:
        number = 0
        while not ended.is_set():
            number += 1
            try:
                answer = server.predict(1.0, {"X-Request-Id": f"{name}-{number}"})
            except OSError:  # its worker was killed before it answered
                continue
            assert answer.status in (200, 503)
            if answer.status == 200:
                acknowledged.append(f"{name}-{number}")

    threads = [threading.Thread(target=send, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        before = len(acknowledged)
        wait_for(lambda before=before: len(acknowledged) > before + 40, 120)
        os.kill(server.workers()[0], signal.SIGKILL)
    wait_for(lambda: sum("is started again" in line for line in server.said) == 2, 120)
    wait_for(lambda: len(server.workers()) == 2, 120)
    before = len(acknowledged)
    wait_for(lambda: len(acknowledged) > before + 40, 120)
    ended.set()
    for thread in threads:
        thread.join()
    assert server.end() == 143
    rows = ids(server)
    assert set(acknowledged) <= set(rows)
    assert max(rows.values()) == 1


def test_workers_end_when_their_supervisor_is_killed(start: Callable[..., Server]) -> None:
    server = start()
    (worker,) = server.workers()
    server.predict(1.0, {"X-Request-Id": "before"})
    os.kill(server.process.pid, signal.SIGKILL)

    def gone() -> bool:
        try:
            return Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    wait_for(gone)
    assert ids(server)["before"] == 1


def refused(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """`plumbline serve` that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "serve", "--dataset", "flights", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_port_in_use_is_refused(start: Callable[..., Server], tmp_path: Path) -> None:
    server = start()
    found = refused(server.root.parents[1], "--port", str(server.port))
    assert found.returncode == 2
    assert f"port {server.port} of 127.0.0.1 is in use" in found.stderr
    assert server.predict(1.0).status == 200


def test_registry_without_a_live_version_is_refused(tmp_path: Path) -> None:
    folder = flights_project(tmp_path / "project")
    found = refused(folder)
    assert found.returncode == 2
    assert "has no live version; `plumbline run --dataset flights` trains and pushes one" in found.stderr


def test_token_and_tls(start: Callable[..., Server], tmp_path: Path) -> None:
    token, certificate, key = tmp_path / "token", tmp_path / "certificate.pem", tmp_path / "key.pem"
    token.write_text("a-token-of-22-letters.\n")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    subprocess.run(
        [*command, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    server = start("--token-file", str(token), "--tls-certificate", str(certificate), "--tls-key", str(key))
    printed = subprocess.run(server.curl + " -s", shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert "predictions" in json.loads(printed.stdout)
    context = ssl.create_default_context(cafile=str(certificate))

    def status(path: str, authorization: str = "") -> bytes:
        head = f"GET {path} HTTP/1.1\r\nconnection: close\r\n{authorization}\r\n"
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(head.encode())
            return connection.recv(65536)[9:12]

    assert status("/v1/models/flights") == b"401"
    assert status("/metrics") == b"401"
    assert status("/v1/models/flights", "Authorization: Bearer a-token-of-22-letters,\r\n") == b"401"
    assert status("/v1/models/flights", "Authorization: Bearer a-token-of-22-letters.\r\n") == b"200"
    assert status("/healthz") == status("/readyz") == b"200"


def test_full_log_disk_drops_rows_and_answers(start: Callable[..., Server]) -> None:
    """The log's folder is replaced by one that cannot be written: rows are counted as dropped, requests answered."""
    server = start()
    server.predict(1.0)
    for worker in server.workers():
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    for number in range(50):
        assert server.predict(float(number)).status == 200

    def dropped() -> bool:
        return b'plumbline_request_log_rows{model="flights",state="dropped_disk"}' in server.ask("GET", "/metrics").body

    wait_for(dropped, 30)
    for worker in server.workers():
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    server.predict(1.0, {"X-Request-Id": "after"})
    assert server.end() == 143
    assert ids(server)["after"] <= 1
