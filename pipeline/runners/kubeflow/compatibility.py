"""Rejects at compile time what open-source Kubeflow Pipelines cannot run."""

from typing import Any

from components.shared.errors import ConfigError


def check_runnable(spec: dict[str, Any]) -> None:
    """Checks that the backend's Argo compiler supports all executors.

    It supports containers, without lifecycle hooks, and importers with a constant URI; not resolvers, for example.

    Args:
      spec: PipelineSpec as JSON.

    Raises:
      ConfigError: An executor is not supported; the message names the node.
    """
    labels = {component.get("executorLabel"): name for name, component in spec["components"].items()}
    for label, executor in spec["deploymentSpec"]["executors"].items():
        name = labels.get(label, label)
        kind = next(iter(executor), "nothing")
        if kind == "importer":
            if "constant" not in executor["importer"].get("artifactUri", {}):
                raise ConfigError(f"{name}: an importer without a constant URI; Kubeflow Pipelines cannot run it")
        elif kind != "container":
            raise ConfigError(
                f"{name}: is a {kind}, which open-source Kubeflow Pipelines does not implement; "
                "replace it by a component that reads its input itself"
            )
        elif "lifecycle" in executor["container"]:
            raise ConfigError(
                f"{name}: needs a driver (lifecycle hook), which open-source Kubeflow Pipelines does not run; "
                "use a component that reads its input itself, as ArrowExampleGen does"
            )
