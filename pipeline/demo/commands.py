"""Runs the commands of the demo: each is a process, as a person would start it in the demo's folder."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from components.shared.errors import PlumblineError

ENDS_WITHIN = 60.0
"""Seconds that a process has to end after a signal."""

Take = Callable[[str], None]
"""Gets a line of output without its end."""


def _ignore(line: str) -> None:
    pass


class Commands:
    """Runs `plumbline` in a folder.

    Args of the constructor:
      folder: Working directory of the commands.
      log: File that gets all commands and their output.
    """

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder, self.log = folder, log

    def start(self, *arguments: str, out: Take = _ignore, err: Take = _ignore) -> "Process":
        """Starts a command; `out` and `err` get the lines of its standard output and error."""
        return Process(self, arguments, out, err)

    def run(self, *arguments: str, err: Take = _ignore) -> str:
        """Runs a command to its end; returns its standard output.

        Raises:
          PlumblineError: Its exit code is not 0.
        """
        process = self.start(*arguments, err=err)
        code = process.wait()
        if code != 0:
            raise PlumblineError(f"`plumbline {arguments[0]}` ended with exit code {code}: {process.last_words}")
        return process.output


class Process:
    """A running command. Its output is read by threads, so that it never waits for a reader.

    Attributes:
      output: Standard output so far.
    """

    def __init__(self, commands: Commands, arguments: tuple[str, ...], out: Take, err: Take) -> None:
        self.output, self._last = "", ""
        self._log, self._lock = commands.log, threading.Lock()
        self._write(f"$ plumbline {' '.join(arguments)}\n")
        self._process = subprocess.Popen(  # noqa: S603 - this Python, and arguments that the demo writes
            [sys.executable, "-m", "pipeline.cli", *arguments],
            cwd=commands.folder,
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert self._process.stdout is not None and self._process.stderr is not None

        def heard(line: str) -> None:
            self._last = line.strip() or self._last
            err(line)

        def printed(line: str) -> None:
            self.output += f"{line}\n"
            out(line)

        self._readers = [
            threading.Thread(target=self._read, args=(stream, take), daemon=True)
            for stream, take in ((self._process.stdout, printed), (self._process.stderr, heard))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    @property
    def last_words(self) -> str:
        """Last line of standard error."""
        return self._last or "no message"

    def wait(self) -> int:
        """Waits for its end; returns the exit code."""
        code = self._process.wait()
        for reader in self._readers:
            reader.join()
        return code

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ends it by a signal, with SIGKILL if it takes too long; returns the exit code."""
        if not self.ended:
            self._process.send_signal(number)
            try:
                self._process.wait(ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self.wait()

    def _read(self, stream: Iterable[str], take: Take) -> None:
        for line in stream:
            self._write(line)
            take(line.rstrip("\n"))

    def _write(self, text: str) -> None:
        with self._lock, suppress(OSError), self._log.open("a", encoding="utf-8") as file:
            file.write(text)


def environment(of: Mapping[str, str]) -> dict[str, str]:
    """Environment of the commands: the code of this process, and no colours in what is read here."""
    code = str(Path(__file__).parents[2])
    before = of.get("PYTHONPATH")
    return {**of, "PYTHONPATH": f"{code}{os.pathsep}{before}" if before else code, "NO_COLOR": "1"}
