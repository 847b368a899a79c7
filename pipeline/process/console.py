"""Console output of a run: progress lines on the terminal, output of libraries in a log file."""

import io
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TextIO

from components.shared.failure_log import tracebacks
from components.shared.progress import latest_progress


@contextmanager
def redirect_output(log: Path, follow: bool = False) -> Iterator[TextIO]:
    """Redirects stdout and stderr, including those of C++ libraries, to a log file.

    TensorFlow writes to file descriptor 2, not to sys.stderr, so the descriptors themselves are redirected.

    Args:
      log: File; output is appended.
      follow: Also copy the output to the original stderr, as `tail -f` does.

    Yields:
      A text stream to the original stderr.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    with log.open("ab", buffering=0) as file:
        end = file.tell()
        for descriptor in kept:
            os.dup2(file.fileno(), descriptor)
    try:
        raw = io.BufferedWriter(_Forgiving(os.dup(kept[2]), "wb"))
        with (
            io.TextIOWrapper(raw, encoding="utf-8", line_buffering=True) as person,
            _copied(log, end, kept[2]) if follow else nullcontext(),
            tracebacks(),
        ):
            yield person
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # the log's disk may be full
                stream.flush()
        for descriptor, original in kept.items():
            os.dup2(original, descriptor)
            os.close(original)


@contextmanager
def _copied(log: Path, start: int, descriptor: int) -> Iterator[None]:
    """Copies `log` from byte `start` on to a file descriptor as it grows, until the block ends."""
    over = threading.Event()

    def copy() -> None:
        with log.open("rb") as written, _Forgiving(os.dup(descriptor), "wb") as shown:
            written.seek(start)
            while True:
                last = over.wait(0.2)  # checked before reading, so that all output up to the end is copied
                shown.write(written.read())
                if last:
                    return

    copier = threading.Thread(target=copy, daemon=True)
    copier.start()
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        over.set()
        copier.join()


class _Forgiving(io.FileIO):
    """A file that ignores write errors: a closed terminal or a full disk behind stderr must not end the run."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


class Progress:
    """Prints one line for each step: name, state and duration. A terminal shows the elapsed time of the running step.

    Args of the constructor:
      stream: Output; None prints nothing.
      total: Number of steps of the run.
    """

    def __init__(self, stream: TextIO | None, total: int = 0) -> None:
        self._stream = stream
        self.total = total
        self._done = 0
        self._live = bool(stream and stream.isatty())

    @contextmanager
    def step(self, name: str) -> Iterator["ProgressStep"]:
        """Shows one step while the block runs. Yields the step; the caller sets its `state`."""
        step = ProgressStep()
        began = time.monotonic()
        stop = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(name, began, stop), daemon=True)
        if self._live:
            ticker.start()
        try:
            yield step
        except BaseException:
            step.state = "failed"
            raise
        finally:
            stop.set()
            if self._live:
                ticker.join()
            self._done += 1
            step.seconds = time.monotonic() - began
            self._line(f"{self._count()} {name:<20} {step.state:<9} {step.seconds:6.1f} s", end="\n")

    def say(self, text: str) -> None:
        """Prints a line."""
        self._line(text, end="\n")

    def _tick(self, name: str, began: float, stop: threading.Event) -> None:
        while not stop.wait(0.5):
            now = f"{self._count(1)} {name:<20} {'running':<9} {time.monotonic() - began:6.1f} s"
            self._line(f"{now}  {latest_progress()}".rstrip(), end="")

    def _count(self, ahead: int = 0) -> str:
        return f"[{self._done + ahead:>2}/{self.total}]"

    def _line(self, text: str, end: str) -> None:
        if self._stream is not None:
            before = "\r\x1b[2K" if self._live else ""
            with suppress(OSError):
                self._stream.write(f"{before}{text}{end}")
                self._stream.flush()


class ProgressStep:
    """A step of a run.

    Attributes:
      state: "executed", "cached", "failed" or "skipped".
      seconds: Duration; set when the step has ended.
    """

    state = "executed"
    seconds = 0.0
