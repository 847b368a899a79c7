"""Compiled pipelines of shell commands, written by hand: what each task is told and does can be read in the test."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from components.shared.errors import PlumblineError
from pipeline.runners.dry_run.report import Report
from pipeline.runners.dry_run.runner import DryRunOptions, dry_run

DATASET = {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}


def task(
    script: str,
    *arguments: str,
    takes: dict[str, str] | None = None,
    parameters: dict[str, Any] | None = None,
    makes: tuple[str, ...] = (),
    says: dict[str, str] | None = None,
    types: dict[str, str] | None = None,
    container: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A task whose container runs `sh -c script arguments`.

    Args:
      script: "$0" is the first argument.
      arguments: May hold placeholders.
      takes: Input artifact -> "task.output".
      parameters: Input parameter -> constant, "task.output" after a ">", or a parameter of the pipeline after a "<".
      makes: Output artifacts.
      says: Output parameter -> parameterType.
      types: Input parameter -> parameterType, if not STRING.
      container: More of PipelineContainerSpec.
      spec: More of PipelineTaskSpec.
    """
    inputs: dict[str, Any] = {}
    if takes:
        inputs["artifacts"] = {
            name: {
                "taskOutputArtifact": dict(zip(("producerTask", "outputArtifactKey"), source.split("."), strict=True))
            }
            for name, source in takes.items()
        }
    if parameters:
        inputs["parameters"] = {name: _source(value) for name, value in parameters.items()}
    return {
        "task": {**spec, **({"inputs": inputs} if inputs else {})},
        "component": {
            "inputDefinitions": {
                "artifacts": {name: {"artifactType": DATASET} for name in takes or {}},
                "parameters": {name: {"parameterType": (types or {}).get(name, "STRING")} for name in parameters or {}},
            },
            "outputDefinitions": {
                "artifacts": {name: {"artifactType": DATASET} for name in makes},
                "parameters": {name: {"parameterType": kind} for name, kind in (says or {}).items()},
            },
        },
        "executor": {
            "container": {
                "image": "any",
                "command": ["sh", "-ec", script],
                "args": list(arguments),
                **(container or {}),
            }
        },
    }


def _source(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value[:1] == ">":
        return {
            "taskOutputParameter": dict(zip(("producerTask", "outputParameterKey"), value[1:].split("."), strict=True))
        }
    if isinstance(value, str) and value[:1] == "<":
        return {"componentInputParameter": value[1:]}
    return {"runtimeValue": {"constant": value}}


def document(tasks: dict[str, dict[str, Any]], parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """The PipelineSpec of such tasks."""
    tasks = deepcopy(tasks)
    return {
        "pipelineInfo": {"name": "shell"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "by-hand",
        "defaultPipelineRoot": "s3://bucket/root",
        "components": {name: {**one["component"], "executorLabel": f"run-{name}"} for name, one in tasks.items()},
        "deploymentSpec": {"executors": {f"run-{name}": one["executor"] for name, one in tasks.items()}},
        "root": {
            "inputDefinitions": {"parameters": parameters or {}},
            "dag": {
                "tasks": {
                    name: {"componentRef": {"name": name}, "taskInfo": {"name": name}, **one["task"]}
                    for name, one in tasks.items()
                }
            },
        },
    }


def write(path: Path, *documents: dict[str, Any]) -> Path:
    """Writes YAML documents to a file."""
    path.write_text(yaml.safe_dump_all(documents))
    return path


class Shell:
    """A folder with a pipeline of shell commands and the storage that it runs on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = folder / "storage"
        self.work = self.storage / ".dry-run" / "shell"
        self.path = folder / "pipeline.yaml"

    def run(
        self, tasks: dict[str, dict[str, Any]] | None = None, given: dict[str, Any] | None = None, **options: Any
    ) -> tuple[Report, PlumblineError | None]:
        """Writes the pipeline, if one is given, and runs it on this machine."""
        if tasks is not None:
            write(self.path, document(tasks, given))
        chosen = DryRunOptions(**{"on_machine": True, "storage": self.storage, **options})
        return dry_run(self.path, chosen, stream=None)

    def states(self, *arguments: Any, **options: Any) -> dict[str, str]:
        """Runs it to its end; task -> state."""
        report, failure = self.run(*arguments, **options)
        assert failure is None, failure
        return {step.name: step.state for step in report.steps}

    def fails(self, *arguments: Any, **options: Any) -> str:
        """Runs it; what the failure says, in one line."""
        _, failure = self.run(*arguments, **options)
        assert failure is not None
        assert "\n" not in str(failure)
        return str(failure)


MAKE = task(
    'mkdir "$0"; seq "$1" > "$0/words.txt"; printf "$1" > "$2"',
    "{{$.outputs.artifacts['words'].path}}",
    "{{$.inputs.parameters['n']}}",
    "{{$.outputs.parameters['count'].output_file}}",
    parameters={"n": "<n"},
    types={"n": "NUMBER_INTEGER"},
    makes=("words",),
    says={"count": "NUMBER_INTEGER"},
)
USE = task(
    'wc -l < "$0/words.txt" > "$1"',
    "{{$.inputs.artifacts['words'].path}}",
    "{{$.outputs.artifacts['lines'].path}}",
    takes={"words": "make.words"},
    makes=("lines",),
)
N = {"n": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3}}
"""The parameter of a pipeline of MAKE and USE."""
