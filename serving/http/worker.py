"""One server process: loads the models, answers requests of one listening socket, ends after its running requests.

    python -m serving.http.worker   (started by supervisor.py)

The configuration arrives as one line of JSON on standard input, which stays open: its end means that the supervisor has
died, and ends the worker like SIGTERM does. Events go to the file descriptor `events`, one JSON object a line:
{"event": "ready", "examples": {model: instance}} once, {"event": "failed", "message": "..."} if it cannot start.
"""

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from components.shared.errors import PlumblineError
from serving.http.pages import PageSource, PageThread
from serving.request_log.settings import LogSettings
from serving.settings import ServedDataset, ServerSettings

LOG = logging.getLogger("plumbline.serving")
BACKLOG = 4096
SWITCH_SECONDS = 0.0005
"""Interval at which a thread gives up Python's interpreter to another one; with the default of 5 ms the event loop
delays results of the model's thread by as much."""


@dataclass(frozen=True)
class WorkerConfig:
    """What the supervisor tells a worker.

    Attributes:
      datasets: The models.
      settings: Settings of the server.
      socket: File descriptor of the listening socket.
      events: File descriptor of the pipe for events.
      cache: Folder for versions that come from buckets.
      version: Version of Plumbline.
      pages: What makes the pages beside the model API; None for no pages.
    """

    datasets: tuple[ServedDataset, ...]
    settings: ServerSettings
    socket: int
    events: int
    cache: Path
    version: str
    pages: PageSource | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        from dataclasses import asdict

        fields = asdict(self)
        fields["cache"] = str(self.cache)
        for one in fields["datasets"]:
            one["log_folder"] = None if one["log_folder"] is None else str(one["log_folder"])
        return fields

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "WorkerConfig":
        """Reads what `to_json` returned."""
        datasets = tuple(
            ServedDataset(
                one["name"],
                one["registry"],
                None if one["log_folder"] is None else Path(one["log_folder"]),
                _log_settings(one["log"]),
            )
            for one in fields["datasets"]
        )
        settings = ServerSettings(**fields["settings"])
        pages = None if fields["pages"] is None else PageSource(**fields["pages"])
        return cls(
            datasets, settings, fields["socket"], fields["events"], Path(fields["cache"]), fields["version"], pages
        )


def _log_settings(fields: Mapping[str, Any]) -> LogSettings:
    arguments: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in fields.items()}
    return LogSettings(**arguments)


class Worker:
    """The server of one process."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._ending: asyncio.Event | None = None

    async def run(self) -> None:
        """Serves until SIGTERM, SIGINT or the end of standard input."""
        from serving.http.access import bearer_token, tls_context
        from serving.http.operations import Operations
        from serving.http.protocol import Connections

        config, settings = self._config, self._config.settings
        loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        loop.add_reader(sys.stdin.fileno(), self._standard_input)
        token, tls = bearer_token(settings), tls_context(settings)
        starting = _Starting()
        connections = Connections(starting.handle, settings)
        listening = socket.socket(fileno=config.socket)
        server = await loop.create_server(connections.protocol, sock=listening, ssl=tls, backlog=BACKLOG)
        sweeping = loop.create_task(connections.sweep())
        # Imports and the first loading take seconds; meanwhile /healthz answers, and /readyz says that it is not ready.
        parts = await loop.run_in_executor(None, partial(_parts, config, loop))
        pages = await loop.run_in_executor(None, partial(_pages, config, token, loop))
        operations = Operations(parts.service, parts.metrics, token, pages)
        connections.handler = starting.handle_with(operations.handle, parts, loop)
        parts.manager.start()
        ticking = loop.create_task(self._tick(parts, connections))
        try:
            await self._wait_ready(parts)
            await self._ending.wait()
        finally:
            parts.service.draining = True
            server.close()
            connections.drain()
            deadline = time.monotonic() + settings.drain_seconds
            while connections.open and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
            if connections.open:
                LOG.warning("%d connections were cut off after drain_seconds", len(connections.open))
            for task in (sweeping, ticking):
                task.cancel()
            if pages is not None:
                await loop.run_in_executor(None, pages.stop)
            await loop.run_in_executor(None, parts.stop)

    def _standard_input(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):  # the supervisor has died
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            assert self._ending is not None
            self._ending.set()

    async def _wait_ready(self, parts: "_Parts") -> None:
        """Sends the event `ready` when every model can answer, or the signal to end."""
        assert self._ending is not None
        while not self._ending.is_set():
            if parts.manager.ready():
                gc.collect()
                gc.freeze()  # what has been loaded is not garbage; looking through it takes tens of milliseconds
                parts.record(0)  # the gauges of the versions, before somebody reads them
                self._send({"event": "ready", "examples": parts.examples()})
                return
            await asyncio.sleep(0.05)

    async def _tick(self, parts: "_Parts", connections: Any) -> None:
        """Records the gauges every second."""
        while True:
            try:
                parts.record(len(connections.open))
            except Exception:  # a gauge must not end the server
                LOG.exception("the metrics could not be recorded")
            await asyncio.sleep(1)

    def _send(self, event: Mapping[str, Any]) -> None:
        os.write(self._config.events, (json.dumps(event) + "\n").encode())


class _Starting:
    """Answers before the models are there."""

    def handle(self, request: Any, respond: Any) -> None:
        """Says that the process lives, and that it is not ready."""
        from serving.errors import ServingError, Status
        from serving.http.messages import HttpResponse

        if request.path in ("/healthz", "/v2/health/live"):
            respond(HttpResponse(200, b"ok\n", "text/plain"))
            return
        error = ServingError(Status.UNAVAILABLE, "the server is starting; try again")
        respond(HttpResponse(error.http_status, error.body(), headers="retry-after: 1\r\n"))

    @staticmethod
    def handle_with(handle: Any, parts: "_Parts", loop: asyncio.AbstractEventLoop) -> Any:
        """A handler that gives the requests of one turn of the loop to the model together."""
        predictions, scheduled = parts.service.predictions, [False]

        def flush() -> None:
            scheduled[0] = False
            predictions.flush()

        def handler(request: Any, respond: Any) -> None:
            handle(request, respond)
            if predictions.pending and not scheduled[0]:
                scheduled[0] = True
                loop.call_soon(flush)

        return handler


@dataclass(eq=False)
class _Parts:
    """What the process consists of."""

    manager: Any
    batcher: Any
    service: Any
    metrics: Any
    logs: dict[str, Any]

    def stop(self) -> None:
        """Ends the threads, and writes what the request log has not written yet."""
        self.batcher.stop()
        self.service.predictions.explained.stop()
        self.manager.stop()
        for log in self.logs.values():
            log.close()
        self.record(0)

    def record(self, connections: int) -> None:
        """Records the gauges."""
        from serving.request_log.writer import DROP_REASONS

        self.metrics.flush()
        self.metrics.load(connections, self.service.predictions.in_flight)
        for model in self.manager.models():
            readable, refused = self.manager.registry_state(model)
            self.metrics.registry(model, readable, len(refused))
            aliases = self.manager.aliases(model)
            if aliases is None:  # the registry has not been read yet
                continue
            versions = {role: getattr(aliases, role) for role in ("live", "canary", "shadow", "previous")}
            self.metrics.aliases(model, versions, aliases.share)
        for model, log in self.logs.items():
            found = log.statistics()
            rows = {"written": found.written, "sampled_out": found.sampled_out, "queued": found.queued_rows}
            dropped = dict.fromkeys(DROP_REASONS, 0) | found.dropped  # a series that begins above 0 shows no increase
            self.metrics.log(model, rows | {f"dropped_{reason}": count for reason, count in dropped.items()})

    def examples(self) -> dict[str, Any]:
        """Model -> one row as JSON, for the `curl` line that the command prints."""
        from serving.example_row import example_row

        found = {}
        for model in self.manager.models():
            with self.manager.lease(model) as loaded:
                found[model] = example_row(loaded)
        return found


def _parts(config: WorkerConfig, loop: asyncio.AbstractEventLoop) -> _Parts:
    """Imports TensorFlow and composes the process; in a thread, so that the event loop answers meanwhile."""
    from serving.batching import Batch, Batcher
    from serving.metrics import Metrics
    from serving.models.loaded_model import configure_threads
    from serving.models.model_manager import Event, ModelManager, log_event
    from serving.predictions import Predictions
    from serving.request_log.writer import RequestLogWriter
    from serving.service import Service

    configure_threads(1)
    metrics = Metrics()

    def report(event: Event) -> None:
        metrics.event(event.model, event.kind)
        log_event(event)

    sizes = tuple(size for size in (1, 2, 4, 8, 16, 32, 64, 128, 256) if size <= config.settings.batch_rows)
    manager = ModelManager(
        {one.name: one.registry for one in config.datasets},
        cache=config.cache,
        poll_seconds=config.settings.poll_seconds,
        warm_batches=sizes,
        report=report,
    )
    logs = {
        one.name: RequestLogWriter(one.log_folder, one.log)
        for one in config.datasets
        if one.log_folder is not None and one.log.sample > 0
    }
    predictions: Predictions

    def deliver(batches: list[Batch]) -> None:
        later(lambda: predictions.deliver(batches))

    def later(function: Any) -> None:
        loop.call_soon_threadsafe(function)

    batcher = Batcher(deliver, config.settings.batch_rows)
    predictions = Predictions(manager, batcher, metrics, config.settings, logs, later)
    service = Service(manager, predictions, metrics, config.version)
    return _Parts(manager, batcher, service, metrics, logs)


def _pages(config: WorkerConfig, token: bytes, loop: asyncio.AbstractEventLoop) -> PageThread | None:
    """Imports and composes what makes the pages; a failure is logged, and the models are served all the same."""
    if config.pages is None:
        return None

    def later(function: Callable[[], None]) -> None:
        loop.call_soon_threadsafe(function)

    try:
        return PageThread(config.pages.make(token), later)
    except Exception:
        LOG.exception("the server has no dashboard")
        return None


def main() -> int:
    """Runs the worker; returns the exit code."""
    from serving.http.structured_log import configure_logging

    configure_logging()
    config = WorkerConfig.from_json(json.loads(sys.stdin.buffer.readline()))
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        import uvloop

        uvloop.run(Worker(config).run())
    except PlumblineError as error:
        os.write(config.events, (json.dumps({"event": "failed", "message": str(error)}) + "\n").encode())
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.stdout.flush()
    code = main()
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)  # without the interpreter's shutdown, in which threads of C++ libraries may crash
