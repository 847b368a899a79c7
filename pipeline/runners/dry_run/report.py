"""What a dry run came to: for a person and as JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any

PUSHED = "pushed_version"
"""Property of an output artifact that says which version of a model was pushed."""


@dataclass(frozen=True)
class StepReport:
    """One task.

    Attributes:
      name: The task's name.
      state: done, failed, or kept from an earlier dry run.
      seconds: How long it took this time; about 0 if kept.
      log: File with all that it printed.
      attempts: How often it was started this time.
    """

    name: str
    state: str
    seconds: float
    log: str
    attempts: int = 1


@dataclass
class Report:
    """A dry run.

    Attributes:
      pipeline: The pipeline's name.
      run_id: UUID of the run; it stays when a run is continued.
      root: Where its artifacts are.
      work: Where its records and logs are.
      steps: The tasks that were reached, in order.
      outputs: Every declared output artifact of them: step, name, uri, objects, bytes, metadata.
      parameters: Every output parameter of them: step, name, value.
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
        """Versions that were pushed: step, version."""
        return [
            {"step": output["step"], "version": str(output["metadata"][PUSHED])}
            for output in self.outputs
            if output["metadata"].get(PUSHED)
        ]

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {**asdict(self), "pushed": self.pushed}

    def to_text(self) -> str:
        """A line for the run, and one for each version that it pushed."""
        counts = {state: sum(step.state == state for step in self.steps) for state in ("done", "kept", "failed")}
        said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        lines = [f"{self.pipeline}: {said}; artifacts in {self.root}, logs in {self.work}/logs"]
        lines += [f"pushed version {one['version']} ({one['step']})" for one in self.pushed]
        return "\n".join(lines if self.pushed else [*lines, "nothing was pushed"])
