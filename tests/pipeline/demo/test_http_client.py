"""The client of the demo, against an HTTP server in this process."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from components.shared.errors import PlumblineError
from pipeline.demo.http_client import Client
from pipeline.demo.requests import Request

ASKED = datetime(2013, 9, 2, 5, tzinfo=timezone.utc)


class Handler(BaseHTTPRequestHandler):
    """Answers 200 with version 1 or 2 by the body, or 503."""

    protocol_version = "HTTP/1.1"
    heard: list[tuple[str, str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.heard.append((self.headers["x-request-id"], self.headers["x-event-time"]))
        text = b'{"error": "no version is loaded"}' if body == b"503" else b"{}"
        self.send_response(503 if body == b"503" else 200)
        self.send_header("X-Model-Version", "2" if body == b"2" else "1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def client(connections: int = 3) -> Iterator[Client]:
    Handler.heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with closing(Client("127.0.0.1", server.server_port, "/predict", "x-event-time", connections)) as found:
            yield found
        server.shutdown()
        thread.join()


def request(number: int, body: bytes = b"1") -> Request:
    return Request(f"r{number}", ASKED, body)


def test_every_request_is_answered_once_with_its_id_and_event_time():
    with client() as found:
        answers = found.send([request(n, b"2" if n % 4 == 0 else b"1") for n in range(20)])
        assert answers.versions == {"1": 15, "2": 5}
        found.send([request(20)])
    assert sorted(Handler.heard) == sorted((f"r{n}", "2013-09-02T05:00:00+00:00") for n in range(21))


def test_an_error_of_the_server_ends_the_replay_and_is_quoted():
    with client() as found, pytest.raises(PlumblineError, match="status 503: .*no version is loaded"):
        found.send([request(0), request(1, b"503"), request(2)])


def test_a_server_that_is_not_there_is_one_line():
    with client() as found:
        port = found._address[1]
    said = f"the model server at port {port} cannot be reached"
    nobody = Client("127.0.0.1", port, "/predict", "x-event-time", 1)
    with closing(nobody), pytest.raises(PlumblineError, match=said):
        nobody.send([request(0)])


def test_it_sends_where_an_event_loop_is_running():
    async def caller():
        with client() as found:
            return found.send([request(n, b"1") for n in range(3)])

    # In a thread: Playwright's loop runs in this one when the tests of pages came before.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, caller()).result().requests == 3
