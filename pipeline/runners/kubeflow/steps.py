"""What each step of a compiled pipeline is given: image, resources, retries, cache, environment."""

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
"""Label of a component's executor."""

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
"""Those that hold columns or a model in memory; and the gate, which decides the same however often it is asked."""

LONGEST_OF_VERTEX = 3600
"""Seconds in which Vertex AI retries a step at most, says kfp.dsl.PipelineTask.set_retry, which cuts what is more."""

SIZES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def needs(config: Config, name: str) -> Component:
    """What a component needs: its own table, else its default above, else what [kubeflow] says for all."""
    settings = config.kubeflow
    layers = [settings.components.get(name, Component()), DEFAULTS.get(name, Component())]
    # But for the image: the command line may have named another one for all, see Plan.
    shared = [key for key in Component.model_fields if hasattr(settings, key) and key != "image"]
    everyone = {key: getattr(settings, key) for key in shared}
    found = {key: layer_value for key in Component.model_fields if (layer_value := _first(layers, key)) is not None}
    return Component(**{**everyone, **found})


def _first(layers: list[Component], key: str) -> Any:
    return next((getattr(layer, key) for layer in layers if key in layer.model_fields_set), None)


def check_components(config: Config, names: list[str]) -> None:
    """ConfigError if [kubeflow.components] names one that the pipeline does not have."""
    for name in config.kubeflow.components:
        if name not in names and name != "Tuner":  # there only in runs that search
            raise ConfigError(
                f"{config.path}: [kubeflow] components.{name}: is no component; legal: {', '.join(sorted(names))}"
            )


def equip(spec: dict[str, Any], config: Config, plan: CompilePlan, target: str, shared: Collection[str] = ()) -> None:
    """Gives every step of a PipelineSpec, as JSON, what it needs; in place.

    Args:
      spec: As TFX's runner makes it.
      config: Settings of the dataset.
      plan: For the image.
      target: "kubeflow" or "vertex": they name memory and accelerators differently.
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
                # Argo's maxDuration, which is no limit of a single wait.
                "backoffMaxDuration": f"{_window(config, target)}s",
            }


def _window(config: Config, target: str) -> int:
    window = config.kubeflow.retry_window
    return min(window, LONGEST_OF_VERTEX) if target == "vertex" else window


def _resources(config: Config, name: str, need: Component, target: str) -> dict[str, Any]:
    """A ResourceSpec. Open-source KFP reads the texts from 2.3 on, with a request; Vertex AI reads the numbers."""
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
    """A request; the limit where it is the smaller, since Kubernetes takes no request above it."""
    return limit if limit and request and measure(limit) < measure(request) else request


def cores(quantity: str) -> float:
    """Kubernetes' notation as a number of cores; 0 for ""."""
    return float(Decimal(quantity[:-1]) / 1000) if quantity.endswith("m") else float(quantity or 0)


def size(quantity: str) -> Decimal:
    """Kubernetes' notation as bytes; 0 for ""."""
    number = quantity.rstrip("kKMGTi")
    return Decimal(number or 0) * SIZES[quantity[len(number) :]]
