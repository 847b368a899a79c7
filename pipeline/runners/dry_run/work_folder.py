"""The work folder: one run at a time in it, and what it remembers, a file for each task.

A task's record says `started` while it runs and `done` afterwards, each written atomically. So a killed run leaves
every task either done or not, and what an unfinished one wrote is known and thrown away.
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
    """What is remembered of a task.

    Attributes:
      state: started, done or failed.
      key: SHA-256 of all that its result depends on.
      execution: UUID; the folder in the store that its artifacts are in.
      seconds: How long it took.
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
        """Holds the folder; UsageError if another dry run does, or it cannot be made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise UsageError(f"{self.folder}: cannot be written ({exc.strerror}); --work names another folder") from exc
        with run_lock(self.folder, "a dry run", "--work"):
            yield

    def log(self, task: str) -> Path:
        """All that a task's containers printed."""
        return self.folder / "logs" / f"{task}.log"

    def local(self, task: str) -> Path:
        """A task's own folders while it runs."""
        return self.folder / "local" / task

    def record(self, task: str) -> TaskRecord | None:
        """What is remembered of a task; None if nothing is."""
        path = self.folder / "tasks" / f"{task}.json"
        content = self._read(path)
        try:
            return None if content is None else TaskRecord(**content)
        except TypeError as exc:
            raise UsageError(f"{path}: is no record of this version ({exc}); --fresh starts anew") from exc

    def remember(self, task: str, record: TaskRecord) -> None:
        """Writes a task's record."""
        write_json(self.folder / "tasks" / f"{task}.json", asdict(record))

    def recorded(self) -> list[str]:
        """Names of the tasks that something is remembered of."""
        return sorted(path.stem for path in (self.folder / "tasks").glob("*.json"))

    def run(self) -> dict[str, Any] | None:
        """What is remembered of the run: run_id, created, root; None before the first."""
        return self._read(self.folder / "run.json")

    def remember_run(self, facts: dict[str, Any]) -> None:
        """Writes it."""
        write_json(self.folder / "run.json", facts)

    @property
    def running(self) -> Path:
        """Says which process or container is under way, so that the next run can end what outlived its parent."""
        return self.folder / "running.json"

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise UsageError(f"{path}: cannot be read ({exc}); --fresh starts anew") from exc
        return content
