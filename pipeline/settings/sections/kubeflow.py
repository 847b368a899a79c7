"""[kubeflow]: what a run on a cluster needs beyond what a run on this machine does."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from components.shared.texts.secrets import is_secret_name
from pipeline.settings.sections.section import ConfigSection, Names


def _text(value: Any) -> Any:
    """4 and 0.5 are quantities, too; a truth value is none."""
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
    """A taint of nodes that a pod puts up with."""

    key: str = ""
    """Of the taint; empty with operator Exists is every key."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """`Exists`: whatever its value. `Equal`: with this value."""
    value: str = ""
    """Of the taint, where operator is Equal."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Empty is every effect."""


class Component(ConfigSection):
    """What one component needs. What is left empty is as for the others."""

    cpu: Cpu = ""
    """At most that many cores."""
    cpu_request: Cpu = ""
    """At least that many cores."""
    memory: Memory = ""
    """At most that much; a step that takes more is killed."""
    memory_request: Memory = ""
    """At least that much."""
    accelerator: str = ""
    """Kubernetes' resource name, such as nvidia.com/gpu."""
    vertex_accelerator: str = ""
    """Vertex AI's name of it, such as NVIDIA_TESLA_T4."""
    accelerators: Annotated[int, Field(ge=0)] = 0
    """How many of them."""
    image: str = ""
    """Container image of this component alone."""
    retries: Annotated[int, Field(ge=0)] | None = None
    """How often it is tried again."""
    cache: bool | None = None
    """Whether its earlier result may be taken."""
    timeout: Annotated[int, Field(ge=0)] | None = None
    """Seconds after which it is killed; 0 is never."""
    node_selector: dict[str, str] = {}
    """Label -> value of the nodes that it may run on."""
    tolerations: tuple[Toleration, ...] = ()

    @model_validator(mode="after")
    def _accelerators_have_a_name(self) -> "Component":
        if bool(self.accelerators) != bool(self.accelerator or self.vertex_accelerator):
            raise ValueError("accelerator and accelerators: the name and the number belong together")
        return self


class KubeflowSection(ConfigSection):
    """Where the cluster finds things, and what its pods may use."""

    data: str = ""
    """Folder or URL of the spans as the cluster sees it: s3://, gs://, or a mounted folder."""
    root: str = ""
    """URL for artifacts: s3://, gs:// or minio://."""
    registry: str = ""
    """URL of the models' versions; empty is [registry] directory if that is a URL, else <root>/<dataset>/registry."""
    image: str = ""
    """Container image with Plumbline in it; by digest where a tag may come to mean something else."""
    schemas: str = "schemas"
    """Folder of the data sets' settings in the image; a relative one is relative to its working directory."""
    host: str = ""
    """URL of the Kubeflow Pipelines API."""
    token_variable: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = "KF_PIPELINES_TOKEN"  # noqa: S105 - a name
    """Environment variable that holds a bearer token for it, where it asks for one."""
    namespace: str = ""
    """Of the runs, where Kubeflow has several users."""
    experiment: str = ""
    """Name under which the runs are listed; empty is the data set's."""
    service_account: str = ""
    """The pods run as this account; empty is the installation's."""
    cache: bool = True
    """Whether earlier results of a step with the same inputs may be taken."""
    retries: Annotated[int, Field(ge=0)] = 2
    """How often a failed step is tried again; the gate is not, since nothing changes in between."""
    backoff: Annotated[int, Field(ge=1)] = 60
    """Seconds before the first retry."""
    backoff_factor: Annotated[float, Field(ge=1)] = 2.0
    """Each wait is that many times the one before."""
    retry_window: Annotated[int, Field(ge=1)] = 7 * 24 * 3600
    """Seconds from a step's first start in which it is tried again, all attempts and waits together: Argo begins none
    after that, and ends one that is still under way. So it has to be longer than the longest step."""
    timeout: Annotated[int, Field(ge=0)] = 0
    """Seconds after which a step is killed; 0 is never."""
    cpu: Cpu = "2"
    """Cores of a pod, at most."""
    cpu_request: Cpu = "500m"
    """Cores of a pod, at least."""
    memory: Memory = "4Gi"
    """Memory of a pod, at most; a step that takes more is killed."""
    memory_request: Memory = "2Gi"
    """Memory of a pod, at least."""
    environment: dict[Variable, str] = {}
    """Variable -> value, written into the pipeline as it stands: nothing secret; DB_PASSWORD is refused."""
    secrets: dict[ObjectName, dict[Variable, str]] = {}
    """Secret -> variable -> key in the secret. Empty is plumbline-storage, with the keys AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY, if there is such a secret."""
    config_maps: dict[ObjectName, dict[Variable, str]] = {}
    """ConfigMap -> variable -> key in it. Empty is plumbline-storage, with the keys AWS_ENDPOINT_URL and AWS_REGION, if
    there is such a ConfigMap."""
    beam_claim: Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$")] = ""
    """PersistentVolumeClaim that steps and Beam's workers in other pods both mount, such as plumbline-beam: artifacts
    lie there while a step runs whose workers do not see the step's own disk."""
    image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    """Kubernetes' imagePullPolicy; empty is its default."""
    image_pull_secrets: Names = ()
    """Secrets with which the image is pulled."""
    node_selector: dict[str, str] = {}
    """Label -> value of the nodes that pods may run on."""
    tolerations: tuple[Toleration, ...] = ()
    components: dict[str, Component] = {}
    """Component -> what it needs, instead of the above."""

    @field_validator("environment")
    @classmethod
    def _no_secrets(cls, environment: dict[str, str]) -> dict[str, str]:
        if secret := next(filter(is_secret_name, environment), None):
            raise ValueError(
                f"{secret}: would be written into the pipeline; put the value into a Kubernetes secret and name it in "
                "[kubeflow.secrets]"
            )
        return environment
