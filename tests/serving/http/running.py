"""`plumbline serve` as a process, and clients of it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.request_log.reading import RequestLog
from tests.pipeline.process.default_signals import default_signals
from tests.projects import CHECKOUT

STARTED_WITHIN = 180
"""Seconds; importing TensorFlow alone takes 7 on a quiet machine."""


@dataclass(eq=False)
class Server:
    """A running server. `port` and `curl` are what it printed."""

    process: "subprocess.Popen[str]"
    port: int
    curl: str
    root: Path
    said: list[str] = field(default_factory=list)

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> "Answer":
        """Sends one request on a connection of its own; a body that is not bytes is sent as JSON."""
        connection = self.connection()
        try:
            return ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def predict(self, x: float, headers: dict[str, str] | None = None, path: str = "") -> "Answer":
        return self.ask("POST", f"/v1/models/flights{path}:predict", {"instances": [{"x": x}]}, headers)

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(line) for line in found.stdout.split()]

    def end(self, number: int = signal.SIGTERM, within: float = 60) -> int:
        """Sends a signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(within)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any, headers: dict[str, str] | None = None
) -> Answer:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    connection.request(method, path, data, headers or {})
    response = connection.getresponse()
    return Answer(response.status, response.read(), {name.lower(): value for name, value in response.getheaders()})


def start(folder: Path, *options: str, environment: dict[str, str] | None = None) -> Server:
    """Starts `plumbline serve --dataset flights` in a project whose registry is runs/flights/registry."""
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--dataset", "flights", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    )
    said: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    threading.Thread(target=lambda: said.extend(process.stderr), daemon=True).start()
    killer = threading.Timer(STARTED_WITHIN, process.kill)
    killer.start()
    line = process.stdout.readline()
    killer.cancel()
    if not line:
        process.wait(30)
        raise AssertionError(f"exit code {process.returncode}: {''.join(said)}")
    port = re.search(r":(\d+)/v1/", line)
    assert port is not None
    return Server(process, int(port[1]), line.strip(), folder / "runs" / "flights", said)


def stop(servers: Sequence[Server]) -> None:
    """Ends servers that a test has left running."""
    for server in servers:
        if server.process.poll() is None:
            server.process.terminate()
    for server in servers:
        try:
            server.process.wait(60)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait(10)


def wait_for(true: Any, within: float = 60.0) -> None:
    """Waits until something is true."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def logged(server: Server, sql: str) -> list[dict[str, Any]]:
    """The result of a query on the request log."""
    batches = RequestLog(server.root / "requests").query(sql)
    return [row for batch in batches for row in batch.to_pylist()]
