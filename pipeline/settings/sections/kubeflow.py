"""The table [kubeflow]: settings of runs on a cluster."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from components.shared.texts.secrets import is_secret_name
from pipeline.settings.sections.section import ConfigSection, Names


def _text(value: Any) -> Any:
    """Converts numbers, but not Booleans, to quantities."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Cpu = Annotated[str, BeforeValidator(_text), Field(pattern=r"^([0-9]+(\.[0-9]+)?|[0-9]+m)?$")]
"""Kubernetes' notation: 4, 0.5 or "500m"."""
Memory = Annotated[str, BeforeValidator(_text), Field(pattern=r"^([0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?)?$")]
"""Kubernetes' notation: "8Gi", "500M", or bytes."""
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]

CREDENTIALS = {name: name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
ENDPOINT = {name: name for name in ("AWS_ENDPOINT_URL", "AWS_REGION")}


class Toleration(ConfigSection):
    """A toleration of node taints."""

    key: str = ""
    """Key of the taint; empty with operator Exists matches every key."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """`Exists` matches any value, `Equal` the given one."""
    value: str = ""
    """Value of the taint for operator Equal."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Effect of the taint; empty matches every effect."""


class Component(ConfigSection):
    """Resources of one component; empty keys have the values of [kubeflow]."""

    cpu: Cpu = ""
    """CPU limit, cores."""
    cpu_request: Cpu = ""
    """CPU request, cores."""
    memory: Memory = ""
    """Memory limit; a step that exceeds it is killed."""
    memory_request: Memory = ""
    """Memory request."""
    accelerator: str = ""
    """Kubernetes resource name of the accelerator, such as nvidia.com/gpu."""
    vertex_accelerator: str = ""
    """Vertex AI's name of the accelerator, such as NVIDIA_TESLA_T4."""
    accelerators: Annotated[int, Field(ge=0)] = 0
    """Number of accelerators."""
    image: str = ""
    """Container image of this component."""
    retries: Annotated[int, Field(ge=0)] | None = None
    """Number of retries."""
    cache: bool | None = None
    """Whether cached executions are used."""
    timeout: Annotated[int, Field(ge=0)] | None = None
    """Timeout in seconds; 0 is none."""
    node_selector: dict[str, str] = {}
    """Node selector: label -> value."""
    tolerations: tuple[Toleration, ...] = ()

    @model_validator(mode="after")
    def _accelerators_have_a_name(self) -> "Component":
        if bool(self.accelerators) != bool(self.accelerator or self.vertex_accelerator):
            raise ValueError("accelerator and accelerators: the name and the number belong together")
        return self


class KubeflowSection(ConfigSection):
    """Locations as seen from the cluster, and resources of the pods."""

    data: str = ""
    """Folder or URL of the spans as the cluster sees it: s3://, gs://, or a mounted folder."""
    root: str = ""
    """URL for artifacts: s3://, gs:// or minio://."""
    registry: str = ""
    """URL of the models' versions; empty is [registry] directory if that is a URL, else <root>/<dataset>/registry."""
    image: str = ""
    """Container image with Plumbline; give a digest if the tag is mutable."""
    schemas: str = "schemas"
    """Folder of the datasets' settings in the image; relative paths start at its working directory."""
    host: str = ""
    """URL of the Kubeflow Pipelines API."""
    token_variable: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = "KF_PIPELINES_TOKEN"  # noqa: S105 - a name
    """Environment variable with a bearer token for the API, if it needs one."""
    namespace: str = ""
    """Namespace of the runs in a multi-user installation."""
    experiment: str = ""
    """Experiment of the runs; empty is the name of the dataset."""
    service_account: str = ""
    """Service account of the pods; empty is the installation's default."""
    cache: bool = True
    """Whether cached executions are used."""
    retries: Annotated[int, Field(ge=0)] = 2
    """Number of retries of a failed step; the data gate is not retried, since its result cannot change."""
    backoff: Annotated[int, Field(ge=1)] = 60
    """Seconds before the first retry."""
    backoff_factor: Annotated[float, Field(ge=1)] = 2.0
    """Factor between successive waits."""
    retry_window: Annotated[int, Field(ge=1)] = 7 * 24 * 3600
    """Seconds from a step's first start for all attempts and waits together: Argo starts no attempt after that, and
    ends one that is running. It has to be longer than the longest step."""
    timeout: Annotated[int, Field(ge=0)] = 0
    """Timeout of a step in seconds; 0 is none."""
    cpu: Cpu = "2"
    """CPU limit of a pod, cores."""
    cpu_request: Cpu = "500m"
    """CPU request of a pod, cores."""
    memory: Memory = "4Gi"
    """Memory limit of a pod; a step that exceeds it is killed."""
    memory_request: Memory = "2Gi"
    """Memory request of a pod."""
    environment: dict[Variable, str] = {}
    """Environment variable -> value, written into the pipeline as plain text, so no secrets; DB_PASSWORD is refused."""
    secrets: dict[ObjectName, dict[Variable, str]] = {}
    """Secret -> variable -> key in the secret. Empty is plumbline-storage, with the keys AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY, if there is such a secret."""
    config_maps: dict[ObjectName, dict[Variable, str]] = {}
    """ConfigMap -> variable -> key in it. Empty is plumbline-storage, with the keys AWS_ENDPOINT_URL and AWS_REGION, if
    there is such a ConfigMap."""
    beam_claim: Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$")] = ""
    """PersistentVolumeClaim that steps and Beam's workers in other pods both mount, such as plumbline-beam. It holds
    artifacts during steps whose workers do not see the step's disk."""
    image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    """imagePullPolicy of Kubernetes; empty is its default."""
    image_pull_secrets: Names = ()
    """imagePullSecrets of the pods."""
    node_selector: dict[str, str] = {}
    """Node selector of the pods: label -> value."""
    tolerations: tuple[Toleration, ...] = ()
    components: dict[str, Component] = {}
    """Component -> its settings, which replace the above."""

    @field_validator("environment")
    @classmethod
    def _no_secrets(cls, environment: dict[str, str]) -> dict[str, str]:
        if secret := next(filter(is_secret_name, environment), None):
            raise ValueError(
                f"{secret}: would be written into the pipeline; put the value into a Kubernetes secret and name it in "
                "[kubeflow.secrets]"
            )
        return environment
