"""A task's inputs, as KFP's driver resolves them (driver/resolve.go)."""

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
    """What a run knows of itself.

    Attributes:
      pipeline: The pipeline's name.
      run_id: A UUID.
      root: Folder or URL of all runs' artifacts.
      created: When the run began, RFC 3339, UTC.
      parameters: The pipeline's parameters; None is an optional one without a value.
    """

    pipeline: str
    run_id: str
    root: str
    created: str
    parameters: dict[str, Any]

    @property
    def folder(self) -> str:
        """Where this run's artifacts go."""
        return f"{self.root.split('?')[0].rstrip('/')}/{self.pipeline}/{self.run_id}"

    def placeholders(self, task: str) -> dict[str, str]:
        """What a constant may stand for."""
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
    """The `inputs` of an ExecutorInput; defaults are in it already.

    Args:
      task: What is about to run.
      run: The run.
      done: Records of the tasks before it.

    Raises:
      TaskFailed: A producer left out an output parameter, or a value is not of the declared type.
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
    """An artifact after its way through ML Metadata (v2/metadata: RecordArtifact, toRuntimeArtifact).

    What comes back is not what went in: the type is empty, the name is the artifact's number, truth is 1 or 0, lists
    and objects are wrapped.
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
