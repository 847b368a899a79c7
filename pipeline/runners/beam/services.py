"""Starts the services that a run on Flink or Spark needs beside the cluster: a job server and Python workers."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from components.shared.errors import PlumblineError, UsageError
from pipeline.settings.beam_arguments import JOB_SERVER_VARIABLE, WORKERS_VARIABLE, Endpoints
from pipeline.settings.sections.beam import BeamSection, Flink, Portable, Spark

START_SECONDS = 90
FETCHED_VERSION = "1.19"
"""Flink version for which deploy/flink/fetch.sh makes a job server."""

_SPARK_OPENS = ("sun.nio.ch", "java.nio", "java.util", "java.lang.invoke")
"""Packages of java.base that Spark accesses by reflection and Java 17 closes by default."""


@contextmanager
def started(beam: BeamSection, logs: Path) -> Iterator[Endpoints]:
    """Starts the job server and workers that the profile needs and the settings do not name, during the block.

    Args:
      beam: The settings.
      logs: Folder for job-server.log and workers.log.

    Yields:
      Addresses for `beam_arguments.beam_args`, which are also set as environment variables for
      `beam_arguments.run_args`; empty for a profile without a job server.

    Raises:
      UsageError: The profile is `dataflow`, which local runs do not support; Flink cannot be reached or has no
        TaskManager; Java is missing; or the job server cannot be downloaded.
    """
    if beam.profile == "dataflow":
        raise UsageError(
            "[beam] profile: Dataflow's workers do not see this machine's files; compile the pipeline for a cluster, "
            "or run it here with --beam local"
        )
    settings = beam.portable
    if settings is None:
        yield Endpoints()
        return
    if isinstance(settings, Flink):
        check_flink(settings)
    with ExitStack() as stack:
        job_server = settings.job_server or stack.enter_context(_job_server(settings, logs))
        workers = settings.workers or stack.enter_context(_worker_pool(logs))
        os.environ[JOB_SERVER_VARIABLE], os.environ[WORKERS_VARIABLE] = job_server, workers
        yield Endpoints(job_server, workers)


def check_flink(settings: Flink) -> None:
    """Checks that a Flink cluster can be reached, has the configured version, and has enough slots.

    Raises:
      UsageError: It does not.
    """
    address = settings.master if "://" in settings.master else f"http://{settings.master}"
    what_to_do = "start a cluster (make flink-up) or correct [beam.flink] master"
    # Without proxy: a proxy that is set for downloads does not reach the cluster.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}/overview", timeout=10) as answer:
            overview = json.load(answer)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "reason", exc)
        raise UsageError(f"{address}: Flink cannot be reached ({reason}); {what_to_do}") from exc
    if not isinstance(overview, dict) or "taskmanagers" not in overview:
        raise UsageError(f"{address}: the server is not Flink; {what_to_do}")
    version = ".".join(str(overview.get("flink-version", "")).split(".")[:2])
    if version != settings.version:
        raise UsageError(f"{address}: is Flink {version}, but [beam.flink] version says {settings.version}; correct it")
    if not overview["taskmanagers"]:
        raise UsageError(f"{address}: Flink has no TaskManager; start one (make flink-up)")
    if overview["slots-total"] < settings.parallelism:
        raise UsageError(
            f"{address}: Flink has {overview['slots-total']} slots, but [beam.flink] parallelism is "
            f"{settings.parallelism}; lower it or start more TaskManagers"
        )


@contextmanager
def _job_server(settings: Portable, logs: Path) -> Iterator[str]:
    java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else "java"
    if shutil.which(java) is None:
        raise UsageError(f"{java}: not found, but Beam's job server needs Java; install a JRE or set JAVA_HOME")
    jar = job_server_jar(settings)
    port = _free_port()
    options = [f"-Xmx{settings.job_memory_mb}m"] if isinstance(settings, Flink | Spark) else []
    if isinstance(settings, Spark):
        options += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _SPARK_OPENS]
        master = ["--spark-master-url", settings.master]
    else:
        master = ["--flink-master", settings.master.removeprefix("http://")] if isinstance(settings, Flink) else []
    with tempfile.TemporaryDirectory(prefix="plumbline-beam-") as artifacts:
        options.append(f"-Djava.io.tmpdir={artifacts}")  # a JVM ignores TMPDIR
        command = [java, *options, "-jar", str(jar), *master, "--job-host", "127.0.0.1", "--job-port", str(port)]
        command += ["--artifact-port", "0", "--expansion-port", "-1", "--artifacts-dir", artifacts]
        with _process(command, port, "the job server", logs / "job-server.log"):
            yield f"127.0.0.1:{port}"


def job_server_jar(settings: Portable) -> Path:
    """Returns the job server's JAR file, which Beam downloads if necessary.

    Raises:
      UsageError: The configured file does not exist, or Beam cannot download the JAR.
    """
    if settings.job_server_jar:
        if not Path(settings.job_server_jar).is_file():
            raise UsageError(f"{settings.job_server_jar}: no such file; correct job_server_jar in [beam]")
        return Path(settings.job_server_jar)
    made = Path(os.environ.get("FLINK_DIR", ".flink")) / "job-server.jar"
    if isinstance(settings, Flink) and settings.version == FETCHED_VERSION and made.is_file():
        return made
    from apache_beam.utils.subprocess_server import JavaJarServer

    target = f":runners:flink:{settings.version}" if isinstance(settings, Flink) else ":runners:spark:3"
    address = JavaJarServer.path_to_beam_jar(f"{target}:job-server:shadowJar")
    try:
        return Path(JavaJarServer.local_jar(address))
    except (OSError, RuntimeError) as exc:
        name = address.rsplit("/", 1)[-1]
        what_to_do = "run make flink-up" if isinstance(settings, Flink) else "name its file as job_server_jar"
        raise UsageError(f"{name}: Beam cannot download its job server ({exc}); {what_to_do}") from exc


@contextmanager
def _worker_pool(logs: Path) -> Iterator[str]:
    port = _free_port()
    command = [sys.executable, "-m", "pipeline.runners.beam.worker_pool", "--port", str(port)]
    with _process(command, port, "the worker pool", logs / "workers.log"):
        yield f"127.0.0.1:{port}"


@contextmanager
def _process(command: list[str], port: int, what: str, log: Path) -> Iterator[None]:
    """Runs a process during the block; waits until it listens on `port`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603 - a list that this module writes, no shell
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, preexec_fn=end_with_parent(signal.SIGTERM)
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None:
                raise PlumblineError(f"{what} ended during its start (exit code {process.returncode}); see {log}")
            if time.monotonic() > deadline:
                raise PlumblineError(f"{what} did not start within {START_SECONDS} s; see {log}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def end_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """Makes a function for Popen's preexec_fn: the kernel signals the child when this process ends, also by kill -9.

    Args:
      how: The signal.

    Returns:
      The function; None on other systems than Linux, where a killed run leaves its job server and workers running.
    """
    if sys.platform != "linux":
        return None
    prctl, pr_set_pdeathsig = ctypes.CDLL(None).prctl, 1
    return lambda: prctl(pr_set_pdeathsig, how) and None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
