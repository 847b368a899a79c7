"""[beam] as Beam's own command-line arguments, for every Beam-based component alike."""

from dataclasses import dataclass
from typing import Any

from components.shared.errors import ConfigError
from pipeline.settings.sections.beam import BeamSection, Dataflow, Portable

JOB_SERVER_VARIABLE = "PLUMBLINE_BEAM_JOB_SERVER"
WORKERS_VARIABLE = "PLUMBLINE_BEAM_WORKERS"

JOB_TIMEOUT_S = 7 * 24 * 3600
"""Beam's own is 60 s, and it also ends the watch over a job that takes longer than that."""

WORKER_IDLE_MS = 20_000
"""A worker waits so long for the job's next stage. With Beam's 0 each stage starts workers that import TensorFlow."""

LOCAL_IMAGE = "none"
"""Workers that start here have all packages. Unless an image is named, TFX builds a source package of itself for them
to install: over a second of work for every component, also where nobody installs it."""


@dataclass(frozen=True)
class Endpoints:
    """Where this run's job server and Python workers listen, host:port; "" where there is none of ours."""

    job_server: str = ""
    workers: str = ""


def beam_args(beam: BeamSection, started: Endpoints | None = None) -> list[str]:
    """Beam pipeline arguments for the chosen profile, the settings' own `args` last.

    Args:
      beam: The settings.
      started: What `services.started` has started for this run; None where nothing was, as when compiling.

    Raises:
      ConfigError: Flink or Spark without a job server or workers.
    """
    if beam.profile == "local":
        chosen = _local(beam.local.processes)
    elif beam.profile == "dataflow":
        chosen = _dataflow(beam.dataflow)
    else:
        assert beam.portable is not None
        chosen = _portable(beam.profile, beam.portable, started or Endpoints())
    return [*chosen, *beam.args]


def run_args(beam: BeamSection, started: Endpoints | None = None) -> list[Any]:
    """`beam_args` for a TFX pipeline: the addresses of what was started are looked up when a component starts.

    Written out, these would be part of every component's cache key, and no run would find what another has done.

    Returns:
      Strings, and TFX placeholders for `JOB_SERVER_VARIABLE` and `WORKERS_VARIABLE`, which `services.started` sets.
    """
    arguments: list[Any] = list(beam_args(beam, started))
    if started is None or started == Endpoints():
        return arguments
    from tfx.dsl.placeholder.runtime_placeholders import environment_variable

    variables = {"--job_endpoint=": JOB_SERVER_VARIABLE, "--environment_config=": WORKERS_VARIABLE}
    for number, argument in enumerate(arguments[: len(arguments) - len(beam.args)]):
        for option, variable in variables.items():
            if argument.startswith(option):
                arguments[number] = option + environment_variable(variable)
    return arguments


def _local(processes: int) -> list[str]:
    # The DirectRunner is this runner, or Prism, a binary that Beam 2.77 tries to download first, in any mode.
    mode = "in_memory" if processes == 1 else "multi_processing"
    return [
        "--runner=FnApiRunner",
        f"--direct_running_mode={mode}",
        f"--direct_num_workers={processes}",
        f"--sdk_container_image={LOCAL_IMAGE}",
    ]


def _portable(profile: str, settings: Portable, started: Endpoints) -> list[str]:
    job_server = settings.job_server or started.job_server
    workers = settings.workers or started.workers
    for key, found in (("job_server", job_server), ("workers", workers)):
        if not found:
            raise ConfigError(f"[beam] {profile}.{key}: missing; where no run starts its own, the address is needed")
    return [
        "--runner=PortableRunner",
        f"--job_endpoint={job_server}",
        f"--job_server_timeout={JOB_TIMEOUT_S}",
        "--environment_type=EXTERNAL",
        f"--environment_config={workers}",
        f"--environment_cache_millis={WORKER_IDLE_MS}",
        f"--sdk_container_image={LOCAL_IMAGE}",
        *([f"--parallelism={settings.parallelism}"] if profile == "flink" else []),
    ]


def _dataflow(settings: Dataflow) -> list[str]:
    optional = {
        "machine_type": settings.machine_type,
        "service_account_email": settings.service_account,
        "subnetwork": settings.subnetwork,
    }
    return [
        "--runner=DataflowRunner",
        f"--project={settings.project}",
        f"--region={settings.region}",
        f"--temp_location={settings.temp_location.rstrip('/')}/temp",
        f"--staging_location={settings.temp_location.rstrip('/')}/staging",
        f"--sdk_container_image={settings.image}",
        "--experiments=use_runner_v2",
        f"--max_num_workers={settings.max_workers}",
        *([] if settings.public_ips else ["--no_use_public_ips"]),
        *(f"--{name}={value}" for name, value in optional.items() if value),
    ]
