"""Sends requests to the model server over several connections at a time."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httptools

from components.shared.errors import PlumblineError
from pipeline.demo.requests import Request

SECONDS = 60.0
"""Time without any answer after which the server counts as hanging."""


@dataclass
class Answers:
    """What the server answered.

    Attributes:
      versions: Version -> number of requests that it answered.
    """

    versions: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """Number of answered requests."""
        return sum(self.versions.values())


class Client:
    """A client. `close` ends it.

    Args of the constructor:
      host, port: Address of the server.
      path: Path of the prediction.
      time_header: Header with the event time.
      connections: Number of connections.
    """

    def __init__(self, host: str, port: int, path: str, time_header: str, connections: int) -> None:
        self._address, self._path, self._header = (host, port), path, time_header
        self._loop = asyncio.new_event_loop()
        # A thread of its own: the caller's may run an event loop already, as in a notebook.
        self._thread = ThreadPoolExecutor(1, "demo client")
        self._count = connections

    def send(self, requests: Sequence[Request]) -> Answers:
        """Sends requests, in order; returns when all are answered.

        Raises:
          PlumblineError: The server cannot be reached, hangs, or answered with an error.
        """
        return self._thread.submit(self._loop.run_until_complete, self._send(requests)).result()

    def close(self) -> None:
        """Ends the client."""
        self._thread.shutdown()
        self._loop.close()

    async def _send(self, requests: Sequence[Request]) -> Answers:
        # New connections each time: the server closes idle ones, and a model may be trained between two calls.
        connections: list[_Connection] = []
        waiting, answers = deque(map(self._message, requests)), Answers()
        try:
            while len(connections) < self._count:
                _, connection = await self._loop.create_connection(_Connection, *self._address)
                connections.append(connection)
            await asyncio.gather(*(self._drain(one, waiting, answers) for one in connections))
        except OSError as exc:
            raise PlumblineError(f"the model server at port {self._address[1]} cannot be reached: {exc}") from exc
        finally:
            for connection in connections:
                connection.close()
            await asyncio.sleep(0)
        return answers

    async def _drain(self, connection: "_Connection", waiting: deque[bytes], answers: Answers) -> None:
        while waiting:
            try:
                status, version, body = await asyncio.wait_for(connection.ask(waiting.popleft()), SECONDS)
            except (asyncio.TimeoutError, OSError, httptools.HttpParserError) as exc:
                waiting.clear()
                raise PlumblineError(f"the model server did not answer: {exc or f'{SECONDS:g} s passed'}") from exc
            if status != 200:
                waiting.clear()
                text = body[:200].decode("utf-8", "replace")
                raise PlumblineError(f"the model server answered with status {status}: {text}")
            answers.versions[version] += 1

    def _message(self, request: Request) -> bytes:
        return (
            f"POST {self._path} HTTP/1.1\r\nhost: {self._address[0]}:{self._address[1]}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(request.body)}\r\nx-request-id: {request.id}\r\n"
            f"{self._header}: {request.asked.isoformat()}\r\n\r\n"
        ).encode() + request.body


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._parser: Any = None
        self._answer: asyncio.Future[tuple[int, str, bytes]] | None = None
        self._version = ""
        self._body: list[bytes] = []

    def ask(self, message: bytes) -> "asyncio.Future[tuple[int, str, bytes]]":
        """Sends a message; the result is status, X-Model-Version and body."""
        self._answer = asyncio.get_running_loop().create_future()
        self._parser, self._version, self._body = httptools.HttpResponseParser(self), "", []
        if self._transport.is_closing():
            self._answer.set_exception(ConnectionResetError("the connection was closed"))
        self._transport.write(message)
        return self._answer

    def close(self) -> None:
        if self._answer is not None:
            self._answer.cancel()  # of a request that nobody waits for any more
        self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as exc:
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(exc)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-model-version":
            self._version = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), self._version, b"".join(self._body)))
