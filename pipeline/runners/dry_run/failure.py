"""A task that failed, in one line."""

from pathlib import Path

from components.shared.errors import GateBlocked, PlumblineError, UsageError


class TaskFailed(PlumblineError):
    """Names the task, the cause and the log.

    Attributes:
      task: The task's name.
      cause: What went wrong.
      attempts: How often it was tried; 0 if it never came to that.
      exit_code: 3 and 2 are the container's own (the data gate, bad input); everything else is 1.
    """

    def __init__(self, task: str, cause: str, log: Path | None = None, container_code: int = 1) -> None:
        self.task = task
        self.attempts = 0
        self.cause = " ".join(cause.split())
        super().__init__(f"task {task}: {self.cause}" + (f"; log: {log}" if log else ""))
        if container_code in (UsageError.exit_code, GateBlocked.exit_code):
            self.exit_code = container_code
