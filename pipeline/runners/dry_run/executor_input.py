"""Makes a container's ExecutorInput, with outputs as KFP's driver assigns them, and its command line."""

import json
from typing import Any

from pipeline.runners.dry_run.artifact_paths import TaskPaths, is_remote
from pipeline.runners.dry_run.spec import Task
from pipeline.runners.dry_run.values import to_text

LOGS = "executor-logs"
"""Output artifact that KFP's driver adds to every container task unless the API server sets PUBLISH_LOGS to false; the
launcher writes the container's standard output and standard error into it (KFP 2.5 and newer)."""


def outputs(task: Task, run_folder: str, execution: str, places: TaskPaths) -> dict[str, Any]:
    """Makes the `outputs` of an ExecutorInput (driver.go, provisionOutputs).

    Args:
      task: The task.
      run_folder: <root>/<pipeline>/<run>.
      execution: UUID of this execution, which separates its files from those of a killed one.
      places: The task's folders.
    """
    root = f"{run_folder}/{task.name}/{execution}"
    artifacts = {}
    for name, declared in sorted(task.declared("output", "artifacts").items()):
        artifact = {"name": name, "type": declared.get("artifactType", {}), "uri": f"{root}/{name}"}
        if declared.get("metadata"):
            artifact["metadata"] = declared["metadata"]
        artifacts[name] = {"artifacts": [artifact]}
    log = {"name": LOGS, "type": {"schemaTitle": "system.Artifact"}, "uri": f"{root}/{LOGS}"}
    artifacts[LOGS] = {"artifacts": [log]}
    parameters = {
        name: {"outputFile": places.temporary(f"/tmp/kfp/outputs/{name}")}
        for name in sorted(task.declared("output", "parameters"))
    }
    return {
        "artifacts": artifacts,
        "parameters": parameters,
        "outputFile": places.seen(f"{root}/output_metadata.json")
        if is_remote(root)
        else places.temporary("/tmp/kfp_outputs/output_metadata.json"),
    }


def as_json(executor_input: dict[str, Any]) -> str:
    """Serialises an ExecutorInput as protobuf's JSON, without empty fields."""
    sides = {}
    for side, content in executor_input.items():
        sides[side] = {key: value for key, value in content.items() if value not in ({}, "")}
    return json.dumps(sides, ensure_ascii=False)


def command(task: Task, executor_input: dict[str, Any], places: TaskPaths) -> list[str]:
    """Makes the command line and replaces its placeholders (launcher_v2.go, compileCmdAndArgs; driver/util.go).

    Args:
      task: The task.
      executor_input: Its ExecutorInput.
      places: The task's folders.
    """
    container = task.container
    filling = _placeholders(executor_input, places)
    words: list[str] = []
    for word in [*container.get("command", []), *container.get("args", [])]:
        words += _if_present(word, executor_input["inputs"]["parameterValues"])
    filled = []
    for word in words:
        word = word.replace("{{$}}", as_json(executor_input))
        for placeholder, value in filling.items():
            word = word.replace(placeholder, value)
        filled.append(word)
    return filled


def _placeholders(executor_input: dict[str, Any], places: TaskPaths) -> dict[str, str]:
    found = {}
    for side in ("inputs", "outputs"):
        for name, listed in executor_input[side]["artifacts"].items():
            uri = listed["artifacts"][0]["uri"]
            found[f"{{{{$.{side}.artifacts['{name}'].uri}}}}"] = uri
            found[f"{{{{$.{side}.artifacts['{name}'].path}}}}"] = places.seen(uri)
    for name, value in executor_input["inputs"]["parameterValues"].items():
        found[f"{{{{$.inputs.parameters['{name}']}}}}"] = to_text(value)
    for name, parameter in executor_input["outputs"]["parameters"].items():
        found[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = parameter["outputFile"]
    return found


def _if_present(word: str, parameters: dict[str, Any]) -> list[str]:
    """Evaluates {"IfPresent": {"InputName": …, "Then": …, "Else": …}}; returns other words unchanged."""
    if not word.lstrip().startswith('{"IfPresent":'):
        return [word]
    clause = json.loads(word)["IfPresent"]
    chosen = clause.get("Then" if parameters.get(clause["InputName"]) is not None else "Else") or []
    return [chosen] if isinstance(chosen, str) else list(chosen)
