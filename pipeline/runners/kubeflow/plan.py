"""Locations of a compiled pipeline, from the command line and the settings."""

from dataclasses import dataclass, replace
from pathlib import Path

from components.arrow_example_gen.source import Source
from components.shared.errors import ConfigError
from pipeline.preflight.data_check import source_of
from pipeline.runners.kubeflow.artifact_paths import below, check_parameter_url, check_root, is_local, registry_below
from pipeline.settings.config import Config


@dataclass(frozen=True)
class CompilePlan:
    """Locations of a compiled pipeline.

    Attributes:
      source: Input files and their format.
      schema: The schema's path in the image.
      artifacts: Pipeline root.
      registry: URL or folder of the registry.
      image: Default container image of the components.
    """

    source: Source
    schema: str
    artifacts: str
    registry: str
    image: str


def resolve_plan(
    config: Config, *, data: str | None = None, root: str | None = None, image: str | None = None, target: str
) -> CompilePlan:
    """Combines options of the command line with the settings in [kubeflow].

    Args:
      config: Settings of the dataset.
      data: Option --data: folder or URL of the spans; None is the settings' value.
      root: Option --root: folder or URL of artifacts and registry; None is the settings' value.
      image: Option --image: container image; None is the settings' value.
      target: "kubeflow" or "vertex".

    Raises:
      ConfigError: A value is missing, or the cluster could not reach a location.
    """
    settings, name = config.kubeflow, config.dataset.name
    root = root or settings.root
    if not root:
        raise ConfigError(
            f"{config.path}: no root for artifacts; set --root or [kubeflow] root, such as s3://bucket/runs"
        )
    check_root(root, target)
    image = image or settings.image
    if not image:
        raise ConfigError(f"{config.path}: no image with Plumbline; set --image or [kubeflow] image")
    directory = config.data.directory
    data = data or settings.data or (directory if "://" in directory or is_local(root) else "")
    if not data:
        raise ConfigError(
            f"{config.path}: no location of the spans; set --data or [kubeflow] data, such as s3://bucket/spans"
        )
    check_parameter_url("data", data)
    registry = settings.registry or (config.registry.directory if "://" in config.registry.directory else "")
    registry = registry or registry_below(root, name)
    check_parameter_url("registry", registry)
    return CompilePlan(
        source=_source(config, data, root),
        schema=f"{settings.schemas.rstrip('/')}/{name}/schema.pbtxt",
        artifacts=below(root, name, "artifacts"),
        registry=registry,
        image=image,
    )


def _source(config: Config, data: str, root: str) -> Source:
    source = source_of(config, data)
    if not source.corrections or "://" in source.corrections:
        return source
    if Path(source.corrections) == config.path.with_name("corrections.csv"):
        return replace(
            source, corrections=f"{config.kubeflow.schemas.rstrip('/')}/{config.dataset.name}/corrections.csv"
        )
    if is_local(root):
        return source
    raise ConfigError(
        f"{source.corrections}: the cluster cannot read a file of this machine; put it beside {config.path.name} "
        "and into the image, or on the object store with its URL in [data] corrections"
    )
