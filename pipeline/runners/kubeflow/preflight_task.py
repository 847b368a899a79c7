"""The preflight step, the first of a compiled pipeline: resolves the inputs on which the cache keys depend.

KFP's cache key of a step covers its image, command, parameters and the ids of its input artifacts. Ingest,
ChampionResolver and Pusher read external data, so their parameters must identify that data, as in local runs; otherwise
KFP would use the first month's ingest for ever. But the parameters of a recurring run are fixed when it is scheduled.
So this step, the only one that is never cached, provides them:

| parameter          | of               | value                                               |
|--------------------|------------------|-----------------------------------------------------|
| span               | ArrowExampleGen  | number of the newest span, or of the requested one  |
| data_fingerprint   | ArrowExampleGen  | SHA-256 over the window's files and corrections     |
| champion           | ChampionResolver | version to compare with                             |
| registry_id        | RegistryPusher   | changes when the registry is created again          |

An output parameter enters the cache key by its value, not by the step that produced it. So a scheduled run without new
data executes only this step, which reads and hashes the files; all others are cached: same data, same champion (see
champion_for), same code. A new span, a corrected file, another window or a promoted model changes a value, and the
steps that depend on it run.

The step also checks that the image contains the components and the schema from which the pipeline was compiled, since
executions are cached under their fingerprint.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the step imports this file, but not the settings
    from pipeline.runners.kubeflow.plan import CompilePlan

NAME = "Preflight"
OUTPUTS = {
    "span": "NUMBER_INTEGER",
    "data_fingerprint": "STRING",
    "champion": "NUMBER_INTEGER",
    "registry_id": "STRING",
}
INPUTS = {
    "source": "STRING",
    "span": "NUMBER_INTEGER",
    "window": "NUMBER_INTEGER",
    "registry": "STRING",
    "code_fingerprint": "STRING",
    "components": "STRING",
    "schema_file": "STRING",
    "schema": "STRING",
}
"""Parameters of the step -> KFP's type. `components` and `schema` are digests at compile time."""


def add_preflight(
    spec: dict[str, Any], plan: "CompilePlan", *, code_fingerprint: str, components: str, schema: str
) -> None:
    """Adds the step to a pipeline spec in place, and connects the other steps' run parameters to its outputs.

    Args:
      spec: PipelineSpec as JSON.
      plan: Locations of the compiled pipeline.
      code_fingerprint: Fingerprint of code and settings, see `fingerprints.code_fingerprint`.
      components: Digest of the components, see `components_digest`.
      schema: Digest of the schema, see `schema_digest`.
    """
    constants = {
        "source": plan.source.to_json(),
        "registry": plan.registry,
        "code_fingerprint": code_fingerprint,
        "components": components,
        "schema_file": plan.schema,
        "schema": schema,
    }
    tasks = spec["root"]["dag"]["tasks"]
    for task in tasks.values():
        pinned = False
        for value in task.get("inputs", {}).get("parameters", {}).values():
            if value.get("componentInputParameter") in OUTPUTS:
                key = value.pop("componentInputParameter")
                value["taskOutputParameter"] = {"producerTask": NAME, "outputParameterKey": key}
                pinned = True
        if pinned or not task.get("dependentTasks"):
            task["dependentTasks"] = sorted({*task.get("dependentTasks", []), NAME})
    tasks[NAME] = {
        "componentRef": {"name": NAME},
        "taskInfo": {"name": NAME},
        "inputs": {
            "parameters": {
                **{name: {"runtimeValue": {"constant": value}} for name, value in constants.items()},
                **{name: {"componentInputParameter": name} for name in ("span", "window")},
            }
        },
    }
    spec["components"][NAME] = {
        "executorLabel": f"{NAME}_executor",
        "inputDefinitions": {"parameters": _types(INPUTS)},
        "outputDefinitions": {"parameters": _types(OUTPUTS)},
    }
    spec["deploymentSpec"]["executors"][f"{NAME}_executor"] = {
        "container": {
            "image": plan.image,
            "command": ["python", "-m", "pipeline.runners.kubeflow.preflight"],
            "args": ["--executor_input", "{{$}}"],
        }
    }


def _types(parameters: dict[str, str]) -> dict[str, Any]:
    return {name: {"parameterType": kind} for name, kind in parameters.items()}


def components_digest() -> str:
    """Returns the SHA-256 over the source files of all components, independent of folder and library versions."""
    import components

    folder = Path(components.__path__[0])
    files = sorted(folder.rglob("*.py"))
    digests = {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def schema_digest(path: Path) -> str:
    """Returns the SHA-256 of a schema's text, independent of line endings and byte order mark."""
    return hashlib.sha256(path.read_text(encoding="utf-8-sig").encode()).hexdigest()
