"""The report of a dry run, as text and as JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any

PUSHED = "pushed_version"
"""Property of an output artifact: the pushed version of the model."""


@dataclass(frozen=True)
class StepReport:
    """The result of a task.

    Attributes:
      name: Name of the task.
      state: "done", "failed", or "kept" from an earlier dry run.
      seconds: Duration; about 0 if kept.
      log: File with the task's output.
      attempts: Number of attempts in this dry run.
    """

    name: str
    state: str
    seconds: float
    log: str
    attempts: int = 1


@dataclass
class Report:
    """The result of a dry run.

    Attributes:
      pipeline: Name of the pipeline.
      run_id: UUID of the run; unchanged when a run is continued.
      root: Folder or URL of its artifacts.
      work: Folder of its records and logs.
      steps: The tasks that were executed or kept, in order.
      outputs: Their declared output artifacts: step, name, uri, objects, bytes, metadata.
      parameters: Their output parameters: step, name, value.
    """

    pipeline: str
    run_id: str
    root: str
    work: str
    steps: list[StepReport] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    parameters: list[dict[str, Any]] = field(default_factory=list)

    @property
    def pushed(self) -> list[dict[str, str]]:
        """The pushed versions: step, version."""
        return [
            {"step": output["step"], "version": str(output["metadata"][PUSHED])}
            for output in self.outputs
            if output["metadata"].get(PUSHED)
        ]

    def to_json(self) -> dict[str, Any]:
        """Returns the output of `plumbline dry-run --json`."""
        return {**asdict(self), "pushed": self.pushed}

    def to_text(self) -> str:
        """Formats a line for the run and one for each pushed version."""
        counts = {state: sum(step.state == state for step in self.steps) for state in ("done", "kept", "failed")}
        said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        lines = [f"{self.pipeline}: {said}; artifacts in {self.root}, logs in {self.work}/logs"]
        lines += [f"pushed version {one['version']} ({one['step']})" for one in self.pushed]
        return "\n".join(lines if self.pushed else [*lines, "nothing was pushed"])
