"""Checks how Beam workers outside a step's pod access its artifacts."""

from typing import Any

from components.shared.errors import ConfigError
from pipeline.runners.kubeflow.artifact_paths import ARTIFACTS, by_url, is_local
from pipeline.runners.kubeflow.plan import CompilePlan
from pipeline.settings.beam_arguments import beam_args
from pipeline.settings.config import Config

CLAIM_MOUNT = "/beam"
"""Mount path of the volume claim that steps share with workers, as in deploy/kubernetes/flink/taskmanager.yaml."""


def check_workers(config: Config, plan: CompilePlan, target: str) -> None:
    """Checks at compile time that Beam workers can read a step's artifacts.

    Args:
      config: Settings of the dataset.
      plan: Locations of the compiled pipeline.
      target: "kubeflow" or "vertex".

    Raises:
      ConfigError: They cannot.
    """
    profile, named = config.beam.profile, _by_url(config)
    if profile == "dataflow":
        for name, place in (("root", plan.artifacts), ("data", plan.source.directory)):
            if not place.startswith("gs://"):
                raise ConfigError(
                    f"{name} {place}: Dataflow's workers read gs:// only; give such a URL, or choose another [beam] "
                    "profile"
                )
        if not named:
            raise ConfigError(
                f"{config.path}: [kubeflow] environment {ARTIFACTS}=local: Dataflow's workers cannot access the disk "
                "of a step's pod; remove the variable"
            )
    if named and plan.artifacts.startswith("minio://"):
        raise ConfigError(
            f"{config.path}: [kubeflow] environment {ARTIFACTS}=remote: Beam does not support minio://; remove the "
            "variable, or give a root on s3:// or gs://"
        )
    if _apart(config, plan) and (target == "vertex" or not config.kubeflow.beam_claim):
        way_out = "" if target == "vertex" else "name a volume claim that both mount in [kubeflow] beam_claim, or "
        raise ConfigError(
            f"{config.path}: [beam] profile {profile}: its workers cannot access artifacts of {plan.artifacts}, which "
            f"the launcher copies to the disk of the step's pod; {way_out}set profile to local"
        )


def sharing(spec: dict[str, Any], config: Config, plan: CompilePlan) -> set[str]:
    """Returns the names of the components that mount the volume claim: Beam-based ones, if workers need it.

    Args:
      spec: PipelineSpec as JSON, from TFX's runner.
      config: Settings of the dataset, checked by `check_workers`.
      plan: Locations of the compiled pipeline.
    """
    return {name for name in spec["components"] if _runs_on_beam(spec, name)} if _apart(config, plan) else set()


def _by_url(config: Config) -> bool:
    return by_url(config.kubeflow.environment.get(ARTIFACTS, ""), beam_args(config.beam))


def _apart(config: Config, plan: CompilePlan) -> bool:
    """Whether artifacts are on the disk of a step's pod while the workers run in other pods."""
    return not (config.beam.shares_disk or is_local(plan.artifacts) or _by_url(config))


def _runs_on_beam(spec: dict[str, Any], name: str) -> bool:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.utils import import_utils

    label = spec["components"][name]["executorLabel"]
    words = spec["deploymentSpec"]["executors"][label]["container"]["args"]
    path = words[words.index("--executor_class_path") + 1]
    return issubclass(import_utils.import_class_by_path(path), BaseBeamExecutor)
