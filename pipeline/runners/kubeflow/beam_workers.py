"""Beam's workers outside of a step's pod: how they get at its artifacts, or why they cannot."""

from typing import Any

from components.shared.errors import ConfigError
from pipeline.runners.kubeflow.artifact_paths import ARTIFACTS, by_url, is_local
from pipeline.runners.kubeflow.plan import CompilePlan
from pipeline.settings.beam_arguments import beam_args
from pipeline.settings.config import Config

CLAIM_MOUNT = "/beam"
"""Where a step mounts the claim that it shares with the workers, as deploy/kubernetes/flink/taskmanager.yaml does."""


def check_workers(config: Config, plan: CompilePlan, target: str) -> None:
    """ConfigError if workers could not read a step's artifacts, which would show in the middle of a run.

    Args:
      config: Settings of the dataset.
      plan: Where the pipeline reads and writes.
      target: "kubeflow" or "vertex".
    """
    profile, named = config.beam.profile, _by_url(config)
    if profile == "dataflow":
        for name, place in (("root", plan.artifacts), ("data", plan.source.directory)):
            if not place.startswith("gs://"):
                raise ConfigError(
                    f"{name} {place}: Dataflow's workers read gs:// only; give such a URL, or take another [beam] "
                    "profile"
                )
        if not named:
            raise ConfigError(
                f"{config.path}: [kubeflow] environment {ARTIFACTS}=local: Dataflow's workers do not see the disk of a "
                "step's pod; leave it out"
            )
    if named and plan.artifacts.startswith("minio://"):
        raise ConfigError(
            f"{config.path}: [kubeflow] environment {ARTIFACTS}=remote: Beam does not know minio://; leave it out, or "
            "give a root on s3:// or gs://"
        )
    if _apart(config, plan) and (target == "vertex" or not config.kubeflow.beam_claim):
        way_out = "" if target == "vertex" else "name a volume claim that both mount in [kubeflow] beam_claim, or "
        raise ConfigError(
            f"{config.path}: [beam] profile {profile}: its workers do not see artifacts of {plan.artifacts}, which the "
            f"launcher brings to the disk of a step's own pod; {way_out}set profile to local"
        )


def sharing(spec: dict[str, Any], config: Config, plan: CompilePlan) -> set[str]:
    """Names of the components that mount the claim: those that run on Beam, if workers need it to see artifacts.

    Args:
      spec: PipelineSpec as JSON, as TFX's runner makes it.
      config: Settings of the dataset, checked by `check_workers`.
      plan: Where the pipeline reads and writes.
    """
    return {name for name in spec["components"] if _runs_on_beam(spec, name)} if _apart(config, plan) else set()


def _by_url(config: Config) -> bool:
    return by_url(config.kubeflow.environment.get(ARTIFACTS, ""), beam_args(config.beam))


def _apart(config: Config, plan: CompilePlan) -> bool:
    """Whether artifacts lie on the disk of a step's pod, and the workers in another pod."""
    return not (config.beam.shares_disk or is_local(plan.artifacts) or _by_url(config))


def _runs_on_beam(spec: dict[str, Any], name: str) -> bool:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.utils import import_utils

    label = spec["components"][name]["executorLabel"]
    words = spec["deploymentSpec"]["executors"][label]["container"]["args"]
    path = words[words.index("--executor_class_path") + 1]
    return issubclass(import_utils.import_class_by_path(path), BaseBeamExecutor)
