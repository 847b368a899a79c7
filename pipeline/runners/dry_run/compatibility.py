"""Rejects pipelines that open-source KFP refuses or would execute differently, before any task runs."""

import re
from collections.abc import Iterator
from typing import Any

from components.shared.errors import ConfigError
from pipeline.runners.dry_run.spec import Spec, Task
from pipeline.runners.dry_run.task_order import producers

STORES = ("gs://", "s3://", "minio://")
"""Schemes from which KFP's launcher can download."""

FILLED_IN = re.compile(
    r"\{\{\$\}\}"
    r"|\{\{\$\.inputs\.(parameters\['[^']+'\]|artifacts\['[^']+'\]\.(uri|path))\}\}"
    r"|\{\{\$\.outputs\.(parameters\['[^']+'\]\.output_file|artifacts\['[^']+'\]\.(uri|path))\}\}"
)
PLACEHOLDER = re.compile(r"\{\{\$.*?\}\}")
NAMED = re.compile(r"\$\.(inputs|outputs)\.(parameters|artifacts)\['([^']+)'\]")


def check_compatibility(spec: Spec) -> None:
    """Checks every task of a pipeline.

    Raises:
      ConfigError: A cluster would refuse the pipeline, or dry runs do not support it; names the task and the reason.
    """
    for name in sorted(spec.task_specs):
        for reason in _reasons(spec, spec.task(name)):
            raise ConfigError(f"{spec.path}: task {name}: {reason}")


def _reasons(spec: Spec, task: Task) -> Iterator[str]:
    yield from _shape(spec, task)
    if "container" in task.executor:
        yield from _container(task)
    elif "importer" in task.executor:
        yield from _importer(spec, task)
    else:
        kind = next(iter(task.executor), "empty")
        yield f"a {kind} executor; open-source KFP runs containers and importers only"
    yield from _parameters(spec, task)
    yield from _artifacts(task)
    yield from _upstream(spec, task)


def _shape(spec: Spec, task: Task) -> Iterator[str]:
    reference = task.spec.get("componentRef", {}).get("name", "")
    if not task.component:
        yield f"its component {reference!r} is not in the spec"
    if "dag" in task.component:
        yield "a pipeline within the pipeline; KFP runs it, this dry run does not"
    for key, what in (("parameterIterator", "a loop"), ("artifactIterator", "a loop over artifacts")):
        if key in task.spec:
            does = "KFP runs it, this dry run does not" if key == "parameterIterator" else "open-source KFP has none"
            yield f"{what} ({key}); {does}"
    policy = task.spec.get("triggerPolicy", {})
    if policy.get("condition"):
        yield "runs on a condition; KFP decides it, this dry run does not"
    if policy.get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED":
        yield "an exit handler; KFP runs it, this dry run does not"
    label = task.component.get("executorLabel", "")
    if label not in spec.executors:
        yield f"no executor is labelled {label!r} in deploymentSpec"


def _container(task: Task) -> Iterator[str]:
    container = task.container
    if "preCacheCheck" in container.get("lifecycle", {}):
        yield "relies on a lifecycle hook (preCacheCheck, a TFX driver), which open-source KFP never runs"
    if not container.get("image"):
        yield "no container image"
    words = [*container.get("command", []), *container.get("args", [])]
    if not words:
        yield "no command; KFP's launcher does not use the image's entrypoint"
    for word in words:
        for placeholder in PLACEHOLDER.findall(word):
            if not FILLED_IN.fullmatch(placeholder):
                yield f"placeholder {placeholder}, which open-source KFP's launcher does not replace"
            for side, kind, name in NAMED.findall(placeholder):
                if name not in task.declared(side[:-1], kind):
                    yield f"placeholder {placeholder} names no {kind[:-1]} that the component declares"


def _importer(spec: Spec, task: Task) -> Iterator[str]:
    uri = task.executor["importer"].get("artifactUri", {})
    if "runtimeParameter" in uri:
        name = uri["runtimeParameter"]
        if "componentInputParameter" not in task.inputs("parameters").get(name, {}):
            yield f"an importer whose artifactUri is parameter {name!r}, which is none of the pipeline's parameters"
    elif not uri.get("constant"):
        yield "an importer without artifactUri"
    elif not str(uri["constant"]).startswith(STORES):
        yield f"an importer of {uri['constant']}; legal: {', '.join(STORES)}"
    if len(task.declared("output", "artifacts")) != 1:
        yield "an importer must declare one output artifact"


def _parameters(spec: Spec, task: Task) -> Iterator[str]:
    given = task.inputs("parameters")
    for name, declared in task.declared("input", "parameters").items():
        if name not in given and "defaultValue" not in declared and not declared.get("isOptional"):
            yield f"input parameter {name}: neither a value nor a default"
    for name, source in given.items():
        if "componentInputParameter" in source:
            if source["componentInputParameter"] not in spec.parameters:
                yield f"input parameter {name}: the pipeline has no parameter {source['componentInputParameter']}"
        elif "runtimeValue" in source:
            value = source["runtimeValue"]
            if "constant" not in value:
                yield f"input parameter {name}: a runtimeValue without `constant`, which open-source KFP does not read"
            declared = task.declared("input", "parameters").get(name, {})
            if wrong := mismatch(value.get("constant"), declared):
                yield f"input parameter {name}: {wrong}"
        elif "taskOutputParameter" not in source:
            yield f"input parameter {name}: unsupported source {', '.join(source) or '(none)'}"


def _artifacts(task: Task) -> Iterator[str]:
    given = task.inputs("artifacts")
    for name, declared in task.declared("input", "artifacts").items():
        if name not in given and not declared.get("isOptional"):
            yield f"input artifact {name}: no task produces it"
    for name, source in given.items():
        if "componentInputArtifact" in source:
            yield f"input artifact {name}: an input of the pipeline itself, which runs do not support"
        elif "taskOutputArtifact" not in source:
            yield f"input artifact {name}: no task produces it"


def _upstream(spec: Spec, task: Task) -> Iterator[str]:
    for other in task.spec.get("dependentTasks", []):
        if other not in spec.task_specs:
            yield f"waits for task {other!r}, which is not in the pipeline"
    for what, (producer, kind, key) in producers(task).items():
        if producer not in spec.task_specs:
            yield f"input {what}: comes from task {producer!r}, which is not in the pipeline"
        elif key not in spec.task(producer).declared("output", kind):
            yield f"input {what}: task {producer} has no output {kind[:-1]} {key!r}"


TYPES: dict[str, tuple[type, ...]] = {
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}


def mismatch(value: Any, declared: dict[str, Any]) -> str:
    """Compares a value with a declared parameter type.

    Args:
      value: The value, as parsed JSON.
      declared: ParameterSpec; STRING accepts any value.

    Returns:
      The reason why the type does not match; "" if it matches.
    """
    kind = declared.get("parameterType", "")
    if kind == "STRING":
        return ""
    if kind not in TYPES:
        return f"parameterType is {kind or 'missing'}; legal in open-source KFP: STRING, {', '.join(TYPES)}"
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "BOOLEAN"):
        return f"expected {kind}, got {value!r}"
    return ""
