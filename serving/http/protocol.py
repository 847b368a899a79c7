"""HTTP/1.1 on asyncio: reads requests with httptools, writes responses in the order of the requests.

A protocol of our own since a general server costs more than the model: with 64 connections that post one row of JSON,
httptools and uvloop alone took 13,760 requests/s in one process, Granian 8,394, uvicorn 4,617 (one interleaved run).

Limits of a connection: size of head and body, time to send a request, time to take the response, time between
requests. A request that is not HTTP gets a 400 and the connection is closed.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import httptools

from serving.errors import ServingError, Status, invalid
from serving.http.messages import HttpRequest, HttpResponse
from serving.settings import ServerSettings

HEAD_BYTES = 64 << 10
PIPELINED = 16
"""Requests of a connection that may wait behind the one that is being answered."""
SWEEP_SECONDS = 0.5

Respond = Callable[[HttpResponse], None]
Handler = Callable[[HttpRequest, Respond], None]
"""Answers a request by calling Respond once, in the event loop's thread, now or later."""


class Connections:
    """The open connections of a worker: their number, their deadlines, and their end."""

    def __init__(self, handler: Handler, settings: ServerSettings) -> None:
        self.handler, self.settings = handler, settings
        self.open: set[HttpProtocol] = set()
        self.closing = False
        self.refused = 0
        """Connections that were closed because there were too many."""

    def protocol(self) -> "HttpProtocol":
        """Makes the protocol of a new connection."""
        return HttpProtocol(self)

    async def sweep(self) -> None:
        """Closes connections whose time is over; runs until it is cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for one in list(self.open):
                if one.deadline < now:
                    one.expire()

    def drain(self) -> None:
        """Closes idle connections now and each other one after its running requests."""
        self.closing = True
        for one in list(self.open):
            one.close_when_idle()


class HttpProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self, connections: Connections) -> None:
        self._all = connections
        self._settings = connections.settings
        self._transport: Any = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[HttpRequest, bool]] = deque()
        self._answering = 0
        """Number of the request that is being answered; 0 if none is."""
        self._number = 0
        self._keep_alive = True
        self._broken = False
        self._paused = False
        self._ended = False
        """Whether the client sends no more."""
        self._refusal: HttpResponse | None = None
        self._reset()
        self.deadline = time.monotonic() + self._settings.idle_seconds

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._head_size = self._body_size = 0
        self._reading = False

    # -- the connection ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport
        if len(self._all.open) >= self._settings.max_connections:
            self._all.refused += 1
            self._transport.abort()
            return
        self._all.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._all.open.discard(self)
        self._broken = True
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._broken or self._refusal:
            return
        try:
            self._feed(data)
        except httptools.HttpParserCallbackError as exc:
            cause = exc.__context__
            self._refuse(cause if isinstance(cause, ServingError) else invalid("not a request of HTTP/1.1"))
        except httptools.HttpParserError:
            self._refuse(invalid("not a request of HTTP/1.1"))

    def _feed(self, data: bytes) -> None:
        """Parses data; a request to change the protocol, such as to HTTP/2, is answered by HTTP/1.1 (RFC 9110, 7.8)."""
        while data:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)

    def eof_received(self) -> bool:
        """See asyncio.Protocol. A client may close its side and still wait for the answers."""
        self._ended = True
        return bool(self._answering or self._waiting)

    def pause_writing(self) -> None:
        """See asyncio.Protocol: the client does not take the response."""
        self._paused = True
        self.deadline = time.monotonic() + self._settings.receive_seconds

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = False
        if not self._answering:
            self._next()

    def expire(self) -> None:
        """Ends the connection because its deadline has passed; a request in computation gets 504."""
        if self._paused or self._broken:
            self._broken = True
            self._transport.abort()
        elif self._answering:
            error = ServingError(Status.DEADLINE_EXCEEDED, "the request was not answered in time")
            self._write(HttpResponse(error.http_status, error.body()), keep_alive=False)
            self._end()
        elif self._reading:
            self._write(HttpResponse(408, b'{"error":"the request was not sent in time"}'), keep_alive=False)
            self._end()
        else:
            self._end()

    def close_when_idle(self) -> None:
        """Closes the connection after its running request."""
        self._keep_alive = False
        if not self._answering and not self._waiting and not self._reading:
            self._end()

    def _end(self) -> None:
        self._broken = True
        self._transport.close()
        self.deadline = time.monotonic() + self._settings.receive_seconds  # for what is still to be sent

    # -- httptools' callbacks ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._reset()
        self._reading = True
        if not self._answering and not self._paused:
            self.deadline = time.monotonic() + self._settings.receive_seconds

    def on_url(self, url: bytes) -> None:
        """A part of the path."""
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._headers[name.lower().decode("latin-1")] = value.decode("latin-1")
        self._count_head(len(name) + len(value))

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_BYTES:
            raise _TooLarge(431, f"path and headers are longer than {HEAD_BYTES:,} bytes")

    def on_headers_complete(self) -> None:
        """All headers are there."""
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length) > self._settings.max_body_bytes:
            raise self._too_large()
        if self._headers.get("expect", "").lower() == "100-continue" and not self._answering:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_size += len(body)
        if self._body_size > self._settings.max_body_bytes:
            raise self._too_large()
        self._parts.append(body)

    def _too_large(self) -> "_TooLarge":
        return _TooLarge(413, f"the body is longer than {self._settings.max_body_bytes:,} bytes (max_body_bytes)")

    def on_message_complete(self) -> None:
        """A request is complete."""
        path, _, query = self._url.decode("latin-1").partition("?")
        parts = self._parts
        request = HttpRequest(
            self._parser.get_method().decode("latin-1"),
            path,
            query,
            self._headers,
            parts[0] if len(parts) == 1 else b"".join(parts),
            time.monotonic(),
            time.time_ns() // 1000,
        )
        self._reading = False
        keep_alive = self._parser.should_keep_alive()
        if self._answering or self._paused:
            self._waiting.append((request, keep_alive))
            if len(self._waiting) >= PIPELINED:
                self._transport.pause_reading()
        else:
            self._answer(request, keep_alive)

    # -- answers -------------------------------------------------------------------------------------------------

    def _answer(self, request: HttpRequest, keep_alive: bool) -> None:
        self._number += 1
        number = self._answering = self._number
        self._keep_alive = keep_alive and not self._all.closing
        self.deadline = request.arrived + self._settings.request_seconds + 2 * SWEEP_SECONDS  # the batcher is first
        head = request.method == "HEAD"

        def respond(response: HttpResponse) -> None:
            if self._broken or self._answering != number:
                return  # the client has gone, or got a 504
            self._answering = 0
            self._write(response, keep_alive=self._keep_alive and not self._all.closing, with_body=not head)
            if not self._paused:
                self._next()

        self._all.handler(request, respond)

    def _write(self, response: HttpResponse, *, keep_alive: bool, with_body: bool = True) -> None:
        self._transport.write(response.to_bytes(keep_alive=keep_alive, with_body=with_body))
        if not keep_alive:
            self._keep_alive = False

    def _next(self) -> None:
        if self._refusal and not self._waiting:
            self._write(self._refusal, keep_alive=False)
            self._end()
        elif not self._keep_alive or ((self._all.closing or self._ended) and not self._waiting):
            self._end()
        elif self._waiting:
            request, keep_alive = self._waiting.popleft()
            if not self._waiting:
                self._transport.resume_reading()
            self._answer(request, keep_alive)
        else:
            self._set_deadline()

    def _set_deadline(self) -> None:
        wait = self._settings.receive_seconds if self._reading else self._settings.idle_seconds
        self.deadline = time.monotonic() + wait

    def _refuse(self, error: ServingError) -> None:
        """Answers what cannot be read as a request, after the requests before it, and closes the connection."""
        status = error.code if isinstance(error, _TooLarge) else error.http_status
        self._refusal = HttpResponse(status, error.body())
        self._reading = False
        if not self._answering and not self._paused:
            self._next()


class _TooLarge(ServingError):
    """A request over a limit of the connection, with the HTTP status that gRPC's codes do not have."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(Status.INVALID_ARGUMENT, message)
        self.code = code
