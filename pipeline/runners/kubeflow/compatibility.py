"""What open-source Kubeflow Pipelines cannot run, refused when the pipeline is compiled rather than when it runs."""

from typing import Any

from components.shared.errors import ConfigError


def check_runnable(spec: dict[str, Any]) -> None:
    """ConfigError, with the node's name, for an executor that the backend's Argo compiler refuses or ignores.

    It refuses resolvers and anything else that is neither a container nor an importer, and never runs lifecycle hooks.
    An importer must name its artifact itself.

    Args:
      spec: PipelineSpec as JSON.
    """
    labels = {component.get("executorLabel"): name for name, component in spec["components"].items()}
    for label, executor in spec["deploymentSpec"]["executors"].items():
        name = labels.get(label, label)
        kind = next(iter(executor), "nothing")
        if kind == "importer":
            if "constant" not in executor["importer"].get("artifactUri", {}):
                raise ConfigError(
                    f"{name}: an importer whose URI is not written down; Kubeflow Pipelines cannot run it"
                )
        elif kind != "container":
            raise ConfigError(
                f"{name}: is a {kind}, which open-source Kubeflow Pipelines does not implement; "
                "make it a component that reads what it needs"
            )
        elif "lifecycle" in executor["container"]:
            raise ConfigError(
                f"{name}: relies on a driver (lifecycle hook), which open-source Kubeflow Pipelines never runs; "
                "use a component that reads its input itself, as ArrowExampleGen does"
            )
