"""What a person sees of the demo: numbered stages, what happens in each, and how long it took."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

INDENT = " " * 8
WIDTH = 110


class Console:
    """Prints lines. A terminal also shows what is being done and for how long, on one line that is overwritten.

    Args of the constructor:
      stream: Output; None prints nothing.
      total: Number of stages.
    """

    def __init__(self, stream: TextIO | None, total: int) -> None:
        self._stream, self._total, self._done = stream, total, 0
        self._live = bool(stream and stream.isatty())
        self._lock = threading.Lock()
        self._doing = ""
        self._since = 0.0

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Announces a stage; its duration follows at its end."""
        self._done += 1
        self.line(f"[{self._done:>2}/{self._total}] {title}")
        began = time.monotonic()
        over = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(over,), daemon=True)
        if self._live:
            ticker.start()
        end = "failed after"
        try:
            yield
            end = "done in"
        finally:
            over.set()
            if self._live:
                ticker.join()
            self.doing("")
            self.say(f"{end} {time.monotonic() - began:.0f} s")

    def say(self, text: str) -> None:
        """Prints what has happened, indented; several lines if the text has them."""
        for line in ascii_text(text).splitlines():
            self.line(f"{INDENT}{line}")

    def doing(self, text: str) -> None:
        """Sets what is being done now."""
        with self._lock:
            self._doing, self._since = text, time.monotonic()

    def line(self, text: str) -> None:
        """Prints a line."""
        self._write(f"{text}\n")

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(0.5):
            with self._lock:
                doing, seconds = self._doing, time.monotonic() - self._since
            if doing:
                self._write(f"{INDENT}{doing}, {seconds:.0f} s"[:WIDTH])

    def _write(self, text: str) -> None:
        if self._stream is not None:
            with self._lock, suppress(OSError):
                self._stream.write(f"\r\x1b[2K{text}" if self._live else text)
                self._stream.flush()


def ascii_text(text: str) -> str:
    """The text for any terminal and log: an ellipsis as three dots, other characters beyond ASCII as escapes."""
    return text.replace("\u2026", "...").encode("ascii", "backslashreplace").decode()
