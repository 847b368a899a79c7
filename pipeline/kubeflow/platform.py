"""The second document of a pipeline's YAML: what only Kubernetes has a word for.

The PipelineSpec knows neither secrets nor node selectors; open-source KFP reads them from
`platforms.kubernetes.deploymentSpec.executors.<executor>`, each a KubernetesExecutorConfig
(kubernetes_platform/proto/kubernetes_executor_config.proto in kubeflow/pipelines).
"""

from typing import Any

from pipeline.config import Config
from pipeline.kubeflow.steps import EXECUTOR, needs
from pipeline.tables.kubeflow import CREDENTIALS, ENDPOINT, Toleration

STORAGE = "plumbline-storage"
"""Secret and ConfigMap that are used, if they are there, where the settings name none."""


def platform_spec(config: Config, names: list[str], object_store: bool) -> dict[str, Any]:
    """The document for these components.

    Args:
      config: Settings of the dataset.
      names: Ids of all components.
      object_store: Whether anything lies on s3://, so that the default secret and ConfigMap make sense.
    """
    executors = {EXECUTOR.format(name): _executor(config, name, object_store) for name in sorted(names)}
    filled = {label: found for label, found in executors.items() if found}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": filled}}}}


def _executor(config: Config, name: str, object_store: bool) -> dict[str, Any]:
    settings, need = config.kubeflow, needs(config, name)
    defaults = object_store
    secrets = settings.secrets or ({STORAGE: CREDENTIALS} if defaults else {})
    maps = settings.config_maps or ({STORAGE: ENDPOINT} if defaults else {})
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
