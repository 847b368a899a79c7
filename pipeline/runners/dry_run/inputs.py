"""Resolves a task's inputs as KFP's driver does (driver/resolve.go)."""

import zlib
from dataclasses import dataclass
from typing import Any

from pipeline.runners.dry_run.compatibility import mismatch
from pipeline.runners.dry_run.failure import TaskFailed
from pipeline.runners.dry_run.spec import Task
from pipeline.runners.dry_run.values import plain, to_text
from pipeline.runners.dry_run.work_folder import TaskRecord


@dataclass(frozen=True)
class RunFacts:
    """Properties of a run.

    Attributes:
      pipeline: Name of the pipeline.
      run_id: UUID of the run.
      root: Folder or URL of all runs' artifacts.
      created: Start time, RFC 3339, UTC.
      parameters: Values of the pipeline's parameters; None for an optional one without a value.
    """

    pipeline: str
    run_id: str
    root: str
    created: str
    parameters: dict[str, Any]

    @property
    def folder(self) -> str:
        """Folder of the run's artifacts."""
        return f"{self.root.split('?')[0].rstrip('/')}/{self.pipeline}/{self.run_id}"

    def placeholders(self, task: str) -> dict[str, str]:
        """Returns the placeholders that KFP replaces in constants, with their values for a task."""
        return {
            "{{$.pipeline_job_name}}": f"{self.pipeline} {self.run_id[:5]}",
            "{{$.pipeline_job_resource_name}}": f"{self.pipeline}-{self.run_id[:5]}",
            "{{$.pipeline_job_uuid}}": self.run_id,
            "{{$.pipeline_task_name}}": task,
            "{{$.pipeline_task_uuid}}": str(zlib.crc32(f"{self.run_id}/{task}".encode())),
            "{{$.pipeline_job_create_time_utc}}": self.created,
            "{{$.pipeline_job_schedule_time_utc}}": self.created,
        }


def resolve(task: Task, run: RunFacts, done: dict[str, TaskRecord]) -> dict[str, Any]:
    """Makes the `inputs` of an ExecutorInput, including defaults.

    Args:
      task: The task.
      run: The run.
      done: Records of the upstream tasks, by name.

    Raises:
      TaskFailed: A required parameter has no value, or a value does not have the declared type.
    """
    return {"parameterValues": _parameters(task, run, done), "artifacts": _artifacts(task, done)}


def _parameters(task: Task, run: RunFacts, done: dict[str, TaskRecord]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, source in sorted(task.inputs("parameters").items()):
        if "componentInputParameter" in source:
            value = run.parameters[source["componentInputParameter"]]
        elif "taskOutputParameter" in source:
            taken = source["taskOutputParameter"]
            value = done[taken["producerTask"]].parameters.get(taken["outputParameterKey"])
        else:
            value = source["runtimeValue"]["constant"]
            if isinstance(value, str):
                value = run.placeholders(task.name).get(value, value)
        if value is not None:
            values[name] = plain(value)
    for name, declared in task.declared("input", "parameters").items():
        if name not in values and "defaultValue" in declared:
            values[name] = plain(declared["defaultValue"])
        if name not in values:
            if not declared.get("isOptional"):
                raise TaskFailed(task.name, f"input parameter {name} has no value")
            continue
        if wrong := mismatch(values[name], declared):
            raise TaskFailed(task.name, f"input parameter {name}: {wrong}")
        if declared.get("parameterType") == "STRING":
            values[name] = to_text(values[name])
    return values


def _artifacts(task: Task, done: dict[str, TaskRecord]) -> dict[str, Any]:
    found = {}
    for name, source in sorted(task.inputs("artifacts").items()):
        taken = source["taskOutputArtifact"]
        artifact = done[taken["producerTask"]].artifacts[taken["outputArtifactKey"]]
        found[name] = {"artifacts": [as_input(taken["outputArtifactKey"], artifact)]}
    return found


def as_input(output: str, artifact: dict[str, Any]) -> dict[str, Any]:
    """Converts an output artifact to an input artifact as KFP's ML Metadata does (RecordArtifact, toRuntimeArtifact).

    The conversion changes the artifact: the type is empty, the name is the artifact id, booleans become 1 or 0, lists
    and objects are wrapped.

    Args:
      output: Name of the output.
      artifact: RuntimeArtifact as its producer wrote it.
    """
    metadata = {name: _through_metadata(value) for name, value in artifact.get("metadata", {}).items()}
    return {
        "name": str(zlib.crc32(artifact["uri"].encode())),
        "type": {"instanceSchema": ""},
        "uri": artifact["uri"],
        "metadata": {"display_name": output, "store_session_info": "null", **metadata},
    }


def _through_metadata(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list):
        return {"list": value}
    if isinstance(value, dict):
        return {"struct": value}
    return plain(value)
