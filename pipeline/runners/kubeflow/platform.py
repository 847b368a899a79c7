"""The platform spec, the second document of a pipeline's YAML: settings that are specific to Kubernetes.

The PipelineSpec has neither secrets nor node selectors; open-source KFP reads them from
`platforms.kubernetes.deploymentSpec.executors.<executor>`, each a KubernetesExecutorConfig
(kubernetes_platform/proto/kubernetes_executor_config.proto in kubeflow/pipelines).
"""

from collections.abc import Collection
from typing import Any

from pipeline.runners.kubeflow.beam_workers import CLAIM_MOUNT
from pipeline.runners.kubeflow.steps import EXECUTOR, needs
from pipeline.settings.config import Config
from pipeline.settings.sections.kubeflow import CREDENTIALS, ENDPOINT, Toleration

STORAGE = "plumbline-storage"
"""Name of the Secret and the ConfigMap that are used, if they exist, when the settings name none."""


def platform_spec(config: Config, names: list[str], object_store: bool, shared: Collection[str] = ()) -> dict[str, Any]:
    """Makes the platform spec.

    Args:
      config: Settings of the dataset.
      names: Ids of all components.
      object_store: Whether data, artifacts or registry are on s3:// or minio://; then the default Secret and ConfigMap
        are used.
      shared: Ids of the components that mount the volume claim of Beam's workers.
    """
    executors = {EXECUTOR.format(name): _executor(config, name, object_store, name in shared) for name in sorted(names)}
    filled = {label: found for label, found in executors.items() if found}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": filled}}}}


def _executor(config: Config, name: str, object_store: bool, shared: bool) -> dict[str, Any]:
    settings, need = config.kubeflow, needs(config, name)
    secrets = settings.secrets or ({STORAGE: CREDENTIALS} if object_store else {})
    maps = settings.config_maps or ({STORAGE: ENDPOINT} if object_store else {})
    claim = settings.beam_claim
    found: dict[str, Any] = {
        "secretAsEnv": [
            {
                "secretName": secret,
                "secretNameParameter": _constant(secret),
                "keyToEnv": [{"envVar": variable, "secretKey": key} for variable, key in sorted(keys.items())],
                "optional": not settings.secrets,
            }
            for secret, keys in sorted(secrets.items())
        ],
        "configMapAsEnv": [
            {
                "configMapName": config_map,
                "configMapNameParameter": _constant(config_map),
                "keyToEnv": [{"envVar": variable, "configMapKey": key} for variable, key in sorted(keys.items())],
                "optional": not settings.config_maps,
            }
            for config_map, keys in sorted(maps.items())
        ],
        "pvcMount": [{"constant": claim, "pvcNameParameter": _constant(claim), "mountPath": CLAIM_MOUNT}]
        if shared
        else [],
        "imagePullSecret": [
            {"secretName": secret, "secretNameParameter": _constant(secret)} for secret in settings.image_pull_secrets
        ],
        "imagePullPolicy": settings.image_pull_policy,
        "nodeSelector": {"labels": need.node_selector} if need.node_selector else {},
        "tolerations": [_toleration(one) for one in need.tolerations],
        "activeDeadlineSeconds": need.timeout or 0,
    }
    return {key: value for key, value in found.items() if value}


def _constant(name: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": name}}


def _toleration(one: Toleration) -> dict[str, str]:
    return {key: value for key, value in one.model_dump().items() if value}
