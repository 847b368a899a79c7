"""Starts the worker processes, restarts those that die, and ends them after their running requests.

Each worker has a listening socket of its own on the same port (SO_REUSEPORT), between which the kernel divides new
connections evenly. The sockets are opened here and stay open: while a worker is restarted, its new connections wait in
the socket's queue instead of being refused. The supervisor imports no TensorFlow.
"""

import contextlib
import errno
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from components.shared.errors import PlumblineError, UsageError
from serving.http.access import bearer_token, tls_context
from serving.http.pages import PageSource
from serving.http.worker import BACKLOG, WorkerConfig
from serving.http.worker_output import WorkerOutput
from serving.settings import ServedDataset, ServerSettings

LOOK_SECONDS = 0.2
FIRST_RESTART, LAST_RESTART = 0.5, 30.0
"""Seconds before a worker that died is started again; doubled each time it dies within a minute."""
STABLE_SECONDS = 60.0
ENDING_SECONDS = 15.0
"""Seconds beyond drain_seconds that workers have to close the request log; then they are killed."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Ready:
    """The server answers.

    Attributes:
      address: Host and port, as in a URL.
      scheme: http or https.
      examples: Model -> one row for a request.
    """

    address: str
    scheme: str
    examples: Mapping[str, Any]


@dataclass(eq=False)
class _Process:
    listening: socket.socket
    popen: "subprocess.Popen[bytes] | None" = None
    output: WorkerOutput | None = None
    events: int = -1
    text: bytes = b""
    ready: bool = False
    started: float = 0.0
    wait: float = FIRST_RESTART
    next_start: float = 0.0
    failure: str = field(default="")


class Supervisor:
    """The processes of one server."""

    def __init__(
        self,
        datasets: Sequence[ServedDataset],
        settings: ServerSettings,
        cache: Path,
        version: str,
        say: Callable[[str], None],
        pages: PageSource | None = None,
    ) -> None:
        """Prepares a server.

        Args:
          datasets: The models.
          settings: Settings of the server.
          cache: Folder for versions that come from buckets.
          version: Version of Plumbline.
          say: Tells a person a line.
          pages: What makes the pages beside the model API; None for no pages.
        """
        self._pages = pages
        self._datasets, self._settings = tuple(datasets), settings
        self._cache, self._version, self._say = cache, version, say
        self._received: list[int] = []
        self._told = False

    def run(self, ready: Callable[[Ready], None]) -> int:
        """Serves until SIGINT, SIGTERM or SIGHUP.

        Args:
          ready: Called once, when every worker answers.

        Returns:
          The number of the signal.

        Raises:
          UsageError: The address cannot be listened on, token or TLS files cannot be read, or a worker cannot start.
        """
        bearer_token(self._settings)
        tls_context(self._settings)
        sockets = listening_sockets(self._settings.host, self._settings.port, self._settings.workers)
        metrics = tempfile.mkdtemp(prefix="plumbline-metrics-")
        processes = [_Process(one) for one in sockets]
        try:
            with self._signals():
                for process in processes:
                    self._start(process, metrics)
                self._watch(processes, metrics, ready)
        finally:
            self._end(processes)
            for one in sockets:
                one.close()
            shutil.rmtree(metrics, ignore_errors=True)
        return self._received[0] if self._received else 0

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Records signals instead of raising: running requests have more time than the watchdog of commands gives."""

        def record(number: int, _frame: FrameType | None) -> None:
            self._received.append(number)

        wakeup = signal.set_wakeup_fd(-1)
        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, record)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if self._received else handler)
            if not self._received:
                signal.set_wakeup_fd(wakeup)

    def _start(self, process: _Process, metrics: str) -> None:
        reader, writer = os.pipe()
        config = WorkerConfig(
            self._datasets,
            self._settings,
            process.listening.fileno(),
            writer,
            self._cache,
            self._version,
            self._pages,
        )
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": metrics, "PYTHONSAFEPATH": "1"}
        try:
            process.popen = subprocess.Popen(
                [sys.executable, "-m", "serving.http.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(process.listening.fileno(), writer),
                env=environment,
                start_new_session=True,  # Ctrl-C goes to the supervisor, which ends the workers in order
            )
        finally:
            os.close(writer)
        process.output = WorkerOutput(process.popen)
        assert process.popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.popen.stdin.write((json.dumps(config.to_json()) + "\n").encode())
            process.popen.stdin.flush()
        os.set_blocking(reader, False)
        process.events, process.text, process.ready = reader, b"", False
        process.started = time.monotonic()

    def _watch(self, processes: list[_Process], metrics: str, ready: Callable[[Ready], None]) -> None:
        examples: dict[str, Any] = {}
        with selectors.DefaultSelector() as selector:
            for process in processes:
                selector.register(process.events, selectors.EVENT_READ, process)
            while not self._received:
                for key, _ in selector.select(LOOK_SECONDS):
                    ended = self._read(key.data, examples)
                    if ended:
                        selector.unregister(key.fd)
                for process in processes:
                    if process.popen is not None and process.popen.poll() is not None:
                        with contextlib.suppress(KeyError, ValueError):
                            selector.unregister(process.events)
                        self._died(process, metrics)
                    elif process.popen is None and time.monotonic() >= process.next_start:
                        self._start(process, metrics)
                        selector.register(process.events, selectors.EVENT_READ, process)
                if not self._told and all(process.ready for process in processes):
                    self._told = True
                    ready(
                        Ready(self._address(processes), "https" if self._settings.tls_certificate else "http", examples)
                    )

    def _read(self, process: _Process, examples: dict[str, Any]) -> bool:
        """Reads the events of a worker; returns whether its pipe has ended."""
        try:
            read = os.read(process.events, 1 << 16)
        except BlockingIOError:
            return False
        process.text += read
        *lines, process.text = process.text.split(b"\n")
        for line in lines:
            event = json.loads(line)
            if event["event"] == "ready":
                process.ready = True
                examples |= event["examples"]
            elif event["event"] == "failed":
                process.failure = event["message"]
        return not read

    def _died(self, process: _Process, metrics: str) -> None:
        """Schedules the restart of a worker, or ends the server if it has never been ready."""
        assert process.popen is not None
        self._read(process, {})
        code, pid = process.popen.returncode, process.popen.pid
        os.close(process.events)
        self._forget(metrics, pid)
        assert process.popen.stdin is not None
        process.popen.stdin.close()
        process.popen = None
        if self._received:
            return
        if process.failure:
            raise UsageError(process.failure)
        assert process.output is not None
        process.output.show_hidden()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if not self._told:
            raise PlumblineError(f"a server process {how} before it was ready; its messages are above")
        if time.monotonic() - process.started > STABLE_SECONDS:
            process.wait = FIRST_RESTART
        self._say(f"a server process {how}; it is started again")
        process.next_start = time.monotonic() + process.wait
        process.wait = min(2 * process.wait, LAST_RESTART)

    @staticmethod
    def _forget(metrics: str, pid: int) -> None:
        """Removes the gauges of a worker that has ended, as prometheus_client.multiprocess.mark_process_dead does."""
        for path in Path(metrics).glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)

    def _end(self, processes: list[_Process]) -> None:
        """Ends the workers after their running requests."""
        alive = [process.popen for process in processes if process.popen is not None]
        for one in alive:
            with contextlib.suppress(ProcessLookupError):
                one.send_signal(signal.SIGTERM)
        for process in processes:  # while they are open here, too, the kernel accepts connections that nobody answers
            process.listening.close()
        deadline = time.monotonic() + self._settings.drain_seconds + ENDING_SECONDS
        for one in alive:
            try:
                one.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                self._say(f"server process {one.pid} did not end in time and was killed")
                one.kill()
                one.wait()

    def _address(self, processes: list[_Process]) -> str:
        host, port = processes[0].listening.getsockname()[:2]
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what a client on this machine types
        return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"


def listening_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Opens listening sockets on one port.

    Args:
      host: Name or address of an interface.
      port: Port; 0 lets the system choose.
      count: Number of sockets.

    Raises:
      UsageError: The port is in use, or the address is none of this machine.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as exc:
        raise UsageError(f"--host {host}: is not an address ({exc.strerror or exc})") from exc
    opened: list[socket.socket] = []
    try:
        # Without SO_REUSEPORT a port is refused on which another server listens, even one that sets it.
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        for _ in range(count):
            one = socket.socket(family, kind, proto)
            opened.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(address)
            address = one.getsockname()
            one.listen(BACKLOG)
            one.set_inheritable(True)
    except OSError as exc:
        for one in opened:
            one.close()
        if exc.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} of {host} is in use; choose another one with --port") from exc
        raise UsageError(f"{host}:{port}: cannot be listened on ({exc.strerror})") from exc
    return opened
