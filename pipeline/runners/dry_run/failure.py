"""The error of a failed task."""

from pathlib import Path

from components.shared.errors import GateBlocked, PlumblineError, UsageError


class TaskFailed(PlumblineError):
    """A task failed. The message names the task, the cause and the log.

    Attributes:
      task: Name of the task.
      cause: Description of the error, in one line.
      attempts: Number of attempts; 0 if the task did not start.
      exit_code: The container's exit code if that is 3 (data gate) or 2 (bad input), else 1.
    """

    def __init__(self, task: str, cause: str, log: Path | None = None, container_code: int = 1) -> None:
        self.task = task
        self.attempts = 0
        self.cause = " ".join(cause.split())
        super().__init__(f"task {task}: {self.cause}" + (f"; log: {log}" if log else ""))
        if container_code in (UsageError.exit_code, GateBlocked.exit_code):
            self.exit_code = container_code
