"""The training of a retraining: `plumbline run` as a process that outlives the monitor.

The process that starts it takes a lock (flock) on a file and leaves it to the child, so the lock is free exactly when
no training is under way, whoever was killed. The child writes `result.json` at the end. If it is killed as well, there
is no result, and the next look starts `plumbline run` again, which continues from its cache.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from components.shared.files import read_json, sync, write_json

LOCK, RESULT, STARTS = "training.lock", "result.json", "starts.txt"
OUTPUT, LOG = "run.json", "run.log"
BLOCKED = 3
"""Exit code of a run that the data gate stopped."""
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended.

    Attributes:
      code: Exit code of the process; negative: the signal that ended it.
      summary: JSON object that it printed; {} if there is none.
      message: Last line of its messages.
    """

    code: int
    summary: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""


class Training:
    """The training of one retraining, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def starts(self) -> int:
        """Number of processes that were started."""
        try:
            return len((self._folder / STARTS).read_text(encoding="utf-8").splitlines())
        except FileNotFoundError:
            return 0

    def start(self, command: Sequence[str]) -> bool:
        """Starts the process; returns False if one is under way or has ended.

        Args:
          command: What is run, with its arguments; it prints one JSON object on stdout.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if (self._folder / RESULT).exists():
                return False
            with (self._folder / STARTS).open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n")
                file.flush()
                os.fsync(file.fileno())
            subprocess.Popen(  # noqa: S603 - this module, and the command of whoever configures the retraining
                [sys.executable, "-m", __name__, str(self._folder), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(descriptor,),
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        finally:
            os.close(descriptor)
        return True

    def state(self) -> Literal["none", "running", "ended"]:
        """Returns "ended" if there is a result, and "none" if nothing runs: it was not started, or was killed."""
        if (self._folder / RESULT).exists():
            return "ended"
        try:
            descriptor = os.open(self._folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return "none"
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "running"
        finally:
            os.close(descriptor)
        return "ended" if (self._folder / RESULT).exists() else "none"  # it may have ended between the two looks

    def result(self) -> TrainingResult:
        """The result of the ended process."""
        code = int(read_json(self._folder / RESULT)["code"])
        summary: Any = {}
        with suppress(OSError, ValueError):
            summary = json.loads((self._folder / OUTPUT).read_text(encoding="utf-8"))
        lines = []
        with suppress(OSError):
            lines = [line for line in _tail(self._folder / LOG).splitlines() if line.strip()]
        return TrainingResult(code, summary if isinstance(summary, dict) else {}, lines[-1].strip() if lines else "")

    def again(self) -> None:
        """Sets the result of a failed process aside, so that `start` starts another one."""
        os.replace(self._folder / RESULT, self._folder / f"failed-{self.starts}.json")
        sync(self._folder)

    def wait(self, seconds: float = float("inf")) -> None:
        """Waits while a process is under way."""
        until = time.monotonic() + seconds
        while self.state() == "running" and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)


def _tail(path: Path, size: int = 4000) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - size))
        return file.read().decode("utf-8", "replace")


def main(folder: str, *command: str) -> None:
    """Runs the command, and writes its result; the lock is one of the open files that this process inherited."""
    place = Path(folder)
    with (place / OUTPUT).open("wb") as output, (place / LOG).open("ab") as log:
        # The command keeps the lock as well: if only this process is killed, no second training starts beside it.
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=log, close_fds=False).returncode  # noqa: S603
        os.fsync(output.fileno())
    write_json(place / RESULT, {"code": code})


if __name__ == "__main__":
    main(*sys.argv[1:])
