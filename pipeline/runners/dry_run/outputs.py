"""Reads a container's executor output, output parameters and artifacts as KFP's launcher does."""

from pathlib import Path
from typing import Any

from pipeline.runners.dry_run.artifact_paths import TaskPaths, is_remote
from pipeline.runners.dry_run.spec import Task
from pipeline.runners.dry_run.store import Stores
from pipeline.runners.dry_run.values import from_text, plain

IN_METADATA = ("system.Metrics", "system.ClassificationMetrics", "system.SlicedClassificationMetrics")
"""Artifact types whose content is in their metadata: KFP's components write no file for them."""


class OutputError(Exception):
    """A container's output is missing or malformed."""


def executor_output(path: Path) -> dict[str, Any]:
    """Reads the optional ExecutorOutput file of a container; {} if there is none.

    Raises:
      OutputError: The file is not an ExecutorOutput.
    """
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as exc:
        raise OutputError(f"executor output {path.name} cannot be read ({exc})") from exc
    try:
        return json_format.MessageToDict(json_format.Parse(text, pipeline_spec_pb2.ExecutorOutput()))
    except json_format.ParseError as exc:
        raise OutputError(f"executor output {path.name} is malformed ({exc})") from exc


def collect_parameters(
    task: Task, executor_input: dict[str, Any], said: dict[str, Any], places: TaskPaths
) -> dict[str, Any]:
    """Collects output parameters from the ExecutorOutput, or from their files.

    Args:
      task: The task.
      executor_input: Its ExecutorInput.
      said: Its ExecutorOutput; {} if there is none.
      places: The task's folders.

    Returns:
      Name -> value.

    Raises:
      OutputError: A declared parameter is missing, or its value does not have the declared type.
    """
    values = plain(said.get("parameterValues", {}))
    for name, place in executor_input["outputs"]["parameters"].items():
        if name in values:
            continue
        kind = task.declared("output", "parameters")[name].get("parameterType", "")
        try:
            values[name] = from_text(places.on_host(place["outputFile"]).read_text(encoding="utf-8"), kind)
        except FileNotFoundError:
            raise OutputError(f"output parameter {name} was not written") from None
        except (OSError, ValueError) as exc:
            raise OutputError(f"output parameter {name}: {exc}") from exc
    return values


def collect_artifacts(
    executor_input: dict[str, Any], said: dict[str, Any], places: TaskPaths, stores: Stores
) -> dict[str, dict[str, Any]]:
    """Merges the ExecutorOutput into the output artifacts and uploads them.

    Args:
      executor_input: The task's ExecutorInput.
      said: Its ExecutorOutput; {} if there is none.
      places: The task's folders.
      stores: Stores of the artifacts.

    Returns:
      Output -> RuntimeArtifact with `objects` and `bytes`. An empty folder has 0 objects: object stores have no empty
      folders, and the tasks that read it find no folder.

    Raises:
      OutputError: A declared artifact was not written, or its URI was changed to one that cannot be uploaded.
    """
    merged = {
        name: _merged(name, listed["artifacts"][0], said)
        for name, listed in executor_input["outputs"]["artifacts"].items()
    }
    for name, artifact in merged.items():
        if not places.host(artifact["uri"]).exists() and not _is_metadata(artifact):
            raise OutputError(f"output artifact {name} was not written (expected at {places.seen(artifact['uri'])})")
    found = {}
    for name, artifact in merged.items():
        stored = stores.of(artifact["uri"]).upload(places.host(artifact["uri"]), artifact["uri"])
        found[name] = {**artifact, "objects": stored.objects, "bytes": stored.bytes}
    return found


def _merged(name: str, artifact: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    listed = said.get("artifacts", {}).get(name, {}).get("artifacts", [])
    told: dict[str, Any] = listed[0] if listed else {}
    uri = told.get("uri") or artifact["uri"]
    if is_remote(artifact["uri"]) and not is_remote(uri):
        raise OutputError(f"output artifact {name}: its URI was changed to {uri}, which is not uploaded")
    return {**artifact, "uri": uri, "metadata": {**artifact.get("metadata", {}), **told.get("metadata", {})}}


def _is_metadata(artifact: dict[str, Any]) -> bool:
    return artifact["type"].get("schemaTitle") in IN_METADATA and bool(artifact["metadata"])
