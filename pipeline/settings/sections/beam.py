"""The table [beam]: runner of the components that use Apache Beam (ingest, statistics, transform), and its options."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.settings.sections.section import ConfigSection, Names

Profile = Literal["local", "flink", "spark", "dataflow"]
Endpoint = Annotated[str, Field(pattern=r"^$|^[A-Za-z0-9._-]+:[0-9]{1,5}$")]
"""host:port, or empty."""


class Local(ConfigSection):
    """Local execution, in this process or in several processes."""

    processes: Annotated[int, Field(ge=1)] = 1
    """Number of processes; 1 is this process itself, each further one imports TensorFlow again."""


class Portable(ConfigSection):
    """Common settings of Flink and Spark: Beam submits to a job server, and Python workers process the rows."""

    parallelism: Annotated[int, Field(ge=1)] = 2
    """Number of parallel tasks over all TaskManagers or executors."""
    job_server: Endpoint = ""
    """Address of a Beam job server; empty starts one for each run."""
    job_server_jar: str = ""
    """JAR of the job server to start; empty uses the one from `make flink-up` (Flink) or the one that Beam
    downloads."""
    workers: Endpoint = ""
    """Address of the Python workers as seen from the cluster's machines (a worker pool on each of them, such as a
    sidecar at localhost:50000); empty starts a pool for each run, which serves a cluster on this machine."""

    @model_validator(mode="after")
    def _one_job_server(self) -> "Portable":
        if self.job_server and self.job_server_jar:
            raise ValueError("job_server_jar: job_server names one that runs already; take one of the two out")
        return self


class Flink(Portable):
    """A Flink cluster."""

    master: Annotated[str, Field(pattern=r"^(https?://)?[A-Za-z0-9._-]+:[0-9]{1,5}$")] = "127.0.0.1:8081"
    """Address of Flink's REST interface."""
    version: Literal["1.19", "1.20", "2.0", "2.1", "2.2"] = "1.19"
    """Version of Flink, which the job server has to match."""
    job_memory_mb: Annotated[int, Field(ge=128)] = 512
    """Heap of a job server that a run starts."""


class Spark(Portable):
    """A Spark cluster, version 3. Its options are checked by tests; no Spark has been run with them."""

    master: Annotated[str, Field(pattern=r"^(spark|local|yarn|k8s)[^ ]*$")] = "local[2]"
    """Master URL."""
    job_memory_mb: Annotated[int, Field(ge=128)] = 1024
    """Heap of a job server that a run starts; a `local` master also executes the work in it."""


class Dataflow(ConfigSection):
    """Google Cloud Dataflow. Its options are checked against Beam's by tests; nothing has been run on it with them.

    Spans, runs and registry have to be gs:// URLs: its workers share no disk with anyone.
    """

    project: str = ""
    """Google Cloud project."""
    region: str = ""
    """Google Cloud region."""
    temp_location: Annotated[str, Field(pattern=r"^(gs://.+)?$")] = ""
    """gs:// folder for temporary files."""
    image: str = ""
    """Container image with Plumbline in it, for the workers: the one that the pipeline itself runs in."""
    max_workers: Annotated[int, Field(ge=1)] = 10
    """Maximum number of workers."""
    machine_type: str = ""
    """Machine type of the workers; empty is Dataflow's choice."""
    service_account: str = ""
    """Service account of the workers; empty is the project's default."""
    subnetwork: str = ""
    """Subnetwork of the workers; empty is the project's default network."""
    public_ips: bool = True
    """Whether workers have external IP addresses."""


class BeamSection(ConfigSection):
    """Execution of the components that use Apache Beam: ingest, statistics, transform. Others run in one process."""

    profile: Profile = "local"
    """Their runner; `--beam` replaces it for one command. Dataflow is set here only."""
    local: Local = Local()
    flink: Flink = Flink()
    spark: Spark = Spark()
    dataflow: Dataflow = Dataflow()
    args: Names = ()
    """Further Beam options, as `--name=value`; they override the profile's."""

    @model_validator(mode="after")
    def _arguments_are_options(self) -> "BeamSection":
        for one in self.args:
            if not one.startswith("--"):
                raise ValueError(f"args: {one!r} is no Beam option; write each as --name=value")
        return self

    @model_validator(mode="after")
    def _cloud_is_named(self) -> "BeamSection":
        if self.profile == "dataflow":
            needed = ("project", "region", "temp_location", "image")
            if missing := [key for key in needed if not getattr(self.dataflow, key)]:
                raise ValueError(f"dataflow.{missing[0]}: missing; Dataflow needs {', '.join(needed)}")
        return self

    @property
    def portable(self) -> Portable | None:
        """Settings of a profile with a job server; None for other profiles."""
        return {"flink": self.flink, "spark": self.spark}.get(self.profile)

    @property
    def shares_disk(self) -> bool:
        """Whether the workers see this process' files; only workers that a run starts certainly do."""
        return self.profile == "local" or (self.portable is not None and not self.portable.workers)
