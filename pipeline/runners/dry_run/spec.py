"""Reads a compiled pipeline: the pipeline spec and, in an optional second document, the platform spec.

Reimplements parts of KFP's API server (apiserver/template/v2_template.go) and of its compiler (v2/compiler).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.shared.errors import ConfigError

SCHEMA_VERSION = "2.1.0"
"""The only version of the pipeline spec that KFP's API server accepts."""

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@dataclass(frozen=True)
class Task:
    """A task of the root DAG with the parts of the spec to which it refers, as protobuf's JSON.

    Attributes:
      name: Its key in the DAG.
      spec: PipelineTaskSpec.
      component: ComponentSpec.
      executor: ExecutorSpec: {"container": …} or {"importer": …}; empty if the label is unknown.
      kubernetes: KubernetesExecutorConfig; empty without a platform spec.
    """

    name: str
    spec: dict[str, Any]
    component: dict[str, Any]
    executor: dict[str, Any]
    kubernetes: dict[str, Any] = field(default_factory=dict)

    @property
    def container(self) -> dict[str, Any]:
        """PipelineContainerSpec; empty for an importer."""
        found: dict[str, Any] = self.executor.get("container", {})
        return found

    def inputs(self, kind: str) -> dict[str, Any]:
        """Returns the sources of the task's inputs; `kind` is "parameters" or "artifacts"."""
        found: dict[str, Any] = self.spec.get("inputs", {}).get(kind, {})
        return found

    def declared(self, side: str, kind: str) -> dict[str, Any]:
        """Returns the component's definitions.

        Args:
          side: "input" or "output".
          kind: "parameters" or "artifacts".
        """
        found: dict[str, Any] = self.component.get(f"{side}Definitions", {}).get(kind, {})
        return found


@dataclass(frozen=True)
class Spec:
    """A compiled pipeline.

    Attributes:
      path: The file, for messages.
      pipeline: PipelineSpec as protobuf's JSON.
      executors: Label -> ExecutorSpec.
      kubernetes: Label -> KubernetesExecutorConfig.
    """

    path: Path
    pipeline: dict[str, Any]
    executors: dict[str, dict[str, Any]]
    kubernetes: dict[str, dict[str, Any]]

    @property
    def name(self) -> str:
        """The pipeline's name."""
        name: str = self.pipeline["pipelineInfo"]["name"]
        return name

    @property
    def root(self) -> str:
        """The default pipeline root; "" if the spec has none."""
        root: str = self.pipeline.get("defaultPipelineRoot", "")
        return root

    @property
    def parameters(self) -> dict[str, Any]:
        """The pipeline's parameters: name -> ParameterSpec."""
        found: dict[str, Any] = self.pipeline["root"].get("inputDefinitions", {}).get("parameters", {})
        return found

    @property
    def task_specs(self) -> dict[str, Any]:
        """Name -> PipelineTaskSpec of the root DAG."""
        found: dict[str, Any] = self.pipeline["root"].get("dag", {}).get("tasks", {})
        return found

    def task(self, name: str) -> Task:
        """Returns a task with its component and executor; parts that are missing in the spec are empty."""
        spec = self.task_specs[name]
        component = self.pipeline.get("components", {}).get(spec.get("componentRef", {}).get("name"), {})
        label = component.get("executorLabel", "")
        return Task(name, spec, component, self.executors.get(label, {}), self.kubernetes.get(label, {}))


def load(path: Path) -> Spec:
    """Reads a pipeline's YAML.

    Raises:
      ConfigError: The file cannot be read, is no pipeline, or KFP's API server would refuse it.
    """
    pipeline: dict[str, Any] | None = None
    platform: dict[str, Any] = {}
    for document in _documents(path):
        if "pipelineInfo" in document:
            if pipeline is not None:
                raise ConfigError(f"{path}: two pipeline specs in one file; KFP takes one")
            pipeline = document
        elif "platforms" in document:
            platform = document["platforms"]
    if pipeline is None:
        raise ConfigError(f"{path}: no pipeline spec in it; plumbline compile writes one")
    version = str(pipeline.get("schemaVersion", ""))
    if version != SCHEMA_VERSION:
        raise ConfigError(
            f"{path}: schemaVersion is {version or 'missing'}; open-source KFP takes {SCHEMA_VERSION} only"
        )
    spec, executors = _parsed(path, pipeline)
    name = spec.get("pipelineInfo", {}).get("name", "")
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{path}: pipeline name {name!r}; legal: lower case letters, digits, '-' and '.' between them"
        )
    if not spec.get("root", {}).get("dag", {}).get("tasks"):
        raise ConfigError(f"{path}: the root holds no tasks")
    kubernetes = platform.get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
    return Spec(path, spec, executors, kubernetes)


def _documents(path: Path) -> list[dict[str, Any]]:
    import yaml

    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror})") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: no YAML ({exc})") from exc
    return [document for document in documents if isinstance(document, dict)]


def _parsed(path: Path, document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Normalises the document to protobuf's JSON; unknown fields are errors, as in KFP."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    try:
        spec = json_format.MessageToDict(json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec()))
        deployment = json_format.ParseDict(
            spec.pop("deploymentSpec", {}), pipeline_spec_pb2.PipelineDeploymentConfig(), ignore_unknown_fields=True
        )
    except json_format.ParseError as exc:
        raise ConfigError(f"{path}: not a pipeline spec of KFP ({exc})") from exc
    return spec, json_format.MessageToDict(deployment).get("executors", {})
