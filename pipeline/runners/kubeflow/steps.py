"""Configures the steps of a compiled pipeline: image, resources, retries, cache, environment variables."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from components.shared.errors import ConfigError
from pipeline.runners.kubeflow.artifact_paths import SHARED
from pipeline.runners.kubeflow.beam_workers import CLAIM_MOUNT
from pipeline.runners.kubeflow.plan import CompilePlan
from pipeline.runners.kubeflow.preflight_task import NAME as PREFLIGHT
from pipeline.settings.config import Config
from pipeline.settings.sections.kubeflow import Component

EXECUTOR = "{}_executor"
"""Executor label of a component."""

DEFAULTS = {
    "ArrowExampleGen": Component(cpu="4", memory="8Gi"),
    "StatisticsGen": Component(cpu="4", memory="8Gi"),
    "DriftValidator": Component(memory="8Gi"),
    "DataGate": Component(retries=0),
    "LabelAudit": Component(cpu="4", memory="8Gi"),
    "Transform": Component(cpu="4", memory="8Gi"),
    "Tuner": Component(cpu="4", memory="8Gi", memory_request="4Gi"),
    "Trainer": Component(cpu="4", memory="8Gi", memory_request="4Gi"),
    "Predictor": Component(cpu="4", memory="8Gi"),
    "ChampionEvaluator": Component(cpu="4", memory="8Gi"),
    "ErrorAnalysis": Component(cpu="4", memory="8Gi"),
}
"""Resources of components that keep columns or a model in memory; and no retries of the deterministic data gate."""

LONGEST_OF_VERTEX = 3600
"""Vertex AI's upper limit in seconds for the duration of retries; kfp.dsl.PipelineTask.set_retry applies it, too."""

SIZES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def needs(config: Config, name: str) -> Component:
    """Returns the effective settings of a component: its own table, else DEFAULTS, else the table [kubeflow]."""
    settings = config.kubeflow
    layers = [settings.components.get(name, Component()), DEFAULTS.get(name, Component())]
    # Except the image, which the command line may override for all components, see Plan.
    shared = [key for key in Component.model_fields if hasattr(settings, key) and key != "image"]
    everyone = {key: getattr(settings, key) for key in shared}
    found = {key: layer_value for key in Component.model_fields if (layer_value := _first(layers, key)) is not None}
    return Component(**{**everyone, **found})


def _first(layers: list[Component], key: str) -> Any:
    return next((getattr(layer, key) for layer in layers if key in layer.model_fields_set), None)


def check_components(config: Config, names: list[str]) -> None:
    """Checks the names in [kubeflow.components].

    Args:
      config: Settings of the dataset.
      names: Ids of the pipeline's components.

    Raises:
      ConfigError: A name is unknown.
    """
    for name in config.kubeflow.components:
        if name not in names and name != "Tuner":  # only part of pipelines with [tune] trials
            raise ConfigError(
                f"{config.path}: [kubeflow] components.{name}: no such component; legal: {', '.join(sorted(names))}"
            )


def equip(spec: dict[str, Any], config: Config, plan: CompilePlan, target: str, shared: Collection[str] = ()) -> None:
    """Sets image, resources, environment, cache and retries of every step, in place.

    Args:
      spec: PipelineSpec as JSON, from TFX's runner.
      config: Settings of the dataset.
      plan: Locations of the compiled pipeline, and the default image.
      target: "kubeflow" or "vertex", which use different fields for memory and accelerators.
      shared: Names of the components that share a folder with Beam's workers.
    """
    executors = spec["deploymentSpec"]["executors"]
    tasks = spec["root"]["dag"]["tasks"]
    check_components(config, list(tasks))
    for name, task in tasks.items():
        need = needs(config, name)
        container = executors[EXECUTOR.format(name)]["container"]
        container["image"] = need.image or plan.image
        container["resources"] = _resources(config, name, need, target)
        if environment := config.kubeflow.environment | ({SHARED: CLAIM_MOUNT} if name in shared else {}):
            container["env"] = [{"name": key, "value": value} for key, value in sorted(environment.items())]
        cached = name != PREFLIGHT and (config.kubeflow.cache if need.cache is None else need.cache)
        task["cachingOptions"] = {"enableCache": True} if cached else {}
        task.pop("retryPolicy", None)
        if need.retries:
            task["retryPolicy"] = {
                "maxRetryCount": need.retries,
                "backoffDuration": f"{config.kubeflow.backoff}s",
                "backoffFactor": config.kubeflow.backoff_factor,
                # Argo's maxDuration: a limit for all attempts together, not for a single wait.
                "backoffMaxDuration": f"{_window(config, target)}s",
            }


def _window(config: Config, target: str) -> int:
    window = config.kubeflow.retry_window
    return min(window, LONGEST_OF_VERTEX) if target == "vertex" else window


def _resources(config: Config, name: str, need: Component, target: str) -> dict[str, Any]:
    """A ResourceSpec. Open-source KFP 2.3 and later read the text fields, with requests; Vertex AI reads numbers."""
    numbers = {
        "cpuLimit": cores(need.cpu),
        "cpuRequest": cores(_least(need.cpu_request, need.cpu, cores)),
        "memoryLimit": float(size(need.memory) / 10**9),
        "memoryRequest": float(size(_least(need.memory_request, need.memory, size)) / 10**9),
    }
    texts = {
        "resourceCpuLimit": need.cpu,
        "resourceCpuRequest": _least(need.cpu_request, need.cpu, cores),
        "resourceMemoryLimit": need.memory,
        "resourceMemoryRequest": _least(need.memory_request, need.memory, size),
    }
    kinds = ("cpuLimit", "memoryLimit") if target == "vertex" else numbers
    found: dict[str, Any] = {key: numbers[key] for key in kinds if numbers[key]}
    if target != "vertex":
        found |= {key: text for key, text in texts.items() if text}
    if need.accelerators:
        named = need.vertex_accelerator if target == "vertex" else need.accelerator
        if not named:
            vertex = ("vertex_accelerator", "NVIDIA_TESLA_T4")
            key, example = vertex if target == "vertex" else ("accelerator", "nvidia.com/gpu")
            raise ConfigError(f"{config.path}: [kubeflow] components.{name}: {key} is missing, such as {example}")
        found["accelerator"] = {"type": named, "count": str(need.accelerators)}
        if target != "vertex":
            found["accelerator"] |= {"resourceType": named, "resourceCount": str(need.accelerators)}
    return found


def _least(request: str, limit: str, measure: Any) -> str:
    """The smaller of request and limit, since Kubernetes rejects a request above the limit."""
    return limit if limit and request and measure(limit) < measure(request) else request


def cores(quantity: str) -> float:
    """Converts a Kubernetes quantity, such as "500m" or "2", to a number of cores; 0 for ""."""
    return float(Decimal(quantity[:-1]) / 1000) if quantity.endswith("m") else float(quantity or 0)


def size(quantity: str) -> Decimal:
    """Converts a Kubernetes quantity, such as "8Gi", to bytes; 0 for ""."""
    number = quantity.rstrip("kKMGTi")
    return Decimal(number or 0) * SIZES[quantity[len(number) :]]
