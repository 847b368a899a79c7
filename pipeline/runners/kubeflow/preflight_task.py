"""The first step: looks at the data and the registry, and tells the others what it saw.

Kubeflow's cache knows a step by its image, command, parameters and the ids of its input artifacts, and nothing else.
Ingest, ChampionResolver and Pusher read the world outside, so their parameters must pin what they read, as the local
runner's do; else the first month's ingest would be served for ever. But parameters of a recurring run are written down
when it is scheduled. So what pins them comes from this step, which alone is never cached:

| parameter          | of               | is                                                  |
|--------------------|------------------|-----------------------------------------------------|
| span               | ArrowExampleGen  | number of the newest span, or of the one asked for  |
| data_fingerprint   | ArrowExampleGen  | SHA-256 over the window's files and corrections     |
| champion           | ChampionResolver | version to compare with                             |
| registry_id        | RegistryPusher   | changes when a registry is made anew                |

An output parameter enters the cache key by its value, not by which step it came from. Hence a scheduled run that finds
nothing new costs this one step, which only reads bytes, and every other step is served from the cache: same data,
same champion (see champion_for), same code. A new span, a mended file, another window or a promoted model is a new
value, and what depends on it runs.

It also looks whether the image holds the components and the schema that the pipeline was compiled from: results are
recorded, and cached, under the fingerprint of the latter.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the step itself imports this file, and needs no settings
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
"""Parameters of the step -> KFP's type. `components` and `schema` are the digests that the image must have."""


def add_preflight(
    spec: dict[str, Any], plan: "CompilePlan", *, code_fingerprint: str, components: str, schema: str
) -> None:
    """Adds the step to a pipeline spec, in place; what the others took as run parameters they take from it.

    Args:
      spec: PipelineSpec as JSON.
      plan: Where data, schema and registry are.
      code_fingerprint: Of this run's code and settings.
      components: components_digest of the code compiled from.
      schema: SHA-256 of the schema compiled from.
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
    """SHA-256 over the source of all components: the same wherever they are installed, whatever the libraries are."""
    import components

    folder = Path(components.__path__[0])
    files = sorted(folder.rglob("*.py"))
    digests = {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def schema_digest(path: Path) -> str:
    """SHA-256 of a schema's text, whichever line ends and byte order mark a checkout gave it."""
    return hashlib.sha256(path.read_text(encoding="utf-8-sig").encode()).hexdigest()
