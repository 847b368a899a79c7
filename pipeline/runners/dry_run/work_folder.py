"""The work folder of a dry run: a lock, and a record for each task.

A task's record has the state `started` while it runs and `done` afterwards; each write is atomic. So after a kill the
next run knows which tasks are complete, and removes the files of the incomplete one.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.shared.errors import UsageError
from components.shared.files import write_json
from pipeline.process.run_lock import run_lock


@dataclass
class TaskRecord:
    """The record of a task.

    Attributes:
      state: "started", "done" or "failed".
      key: Cache key, see `task_runner.prepare`.
      execution: UUID of the execution; name of the folder of its artifacts.
      seconds: Duration.
      artifacts: Output -> RuntimeArtifact, with `objects` and `bytes` as they were stored.
      parameters: Output -> value.
    """

    state: str
    key: str
    execution: str
    seconds: float = 0.0
    artifacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


class WorkFolder:
    """A dry run's work folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the folder's lock during the block.

        Raises:
          UsageError: Another dry run holds it, or the folder cannot be created.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise UsageError(f"{self.folder}: cannot be written ({exc.strerror}); --work names another folder") from exc
        with run_lock(self.folder, "a dry run", "--work"):
            yield

    def log(self, task: str) -> Path:
        """Returns the log file of a task's containers."""
        return self.folder / "logs" / f"{task}.log"

    def local(self, task: str) -> Path:
        """Returns the parent of a task's folders while it runs."""
        return self.folder / "local" / task

    def record(self, task: str) -> TaskRecord | None:
        """Reads a task's record; None if there is none."""
        path = self.folder / "tasks" / f"{task}.json"
        content = self._read(path)
        try:
            return None if content is None else TaskRecord(**content)
        except TypeError as exc:
            raise UsageError(f"{path}: was not written by this version ({exc}); start again with --fresh") from exc

    def remember(self, task: str, record: TaskRecord) -> None:
        """Writes a task's record."""
        write_json(self.folder / "tasks" / f"{task}.json", asdict(record))

    def recorded(self) -> list[str]:
        """Lists the names of the tasks that have records."""
        return sorted(path.stem for path in (self.folder / "tasks").glob("*.json"))

    def run(self) -> dict[str, Any] | None:
        """Reads the record of the run: run_id, created, root; None if there is none."""
        return self._read(self.folder / "run.json")

    def remember_run(self, facts: dict[str, Any]) -> None:
        """Writes the record of the run."""
        write_json(self.folder / "run.json", facts)

    @property
    def running(self) -> Path:
        """File with the running process, so that the next run can end it if this one is killed."""
        return self.folder / "running.json"

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise UsageError(f"{path}: cannot be read ({exc}); start again with --fresh") from exc
        return content
