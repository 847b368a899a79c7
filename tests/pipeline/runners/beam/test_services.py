"""Job server and workers: started, ended with the run whatever ends it, and one clear line where they cannot be had."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import PlumblineError, UsageError
from pipeline.runners.beam.services import check_flink, job_server_jar, started
from pipeline.settings.beam_arguments import Endpoints
from pipeline.settings.sections.beam import BeamSection, Flink, Spark

READY = {"taskmanagers": 2, "slots-total": 4, "flink-version": "1.19.3"}


@contextmanager
def answering(body: Any) -> Iterator[Flink]:
    """Settings for an HTTP server that answers as Flink's REST interface does."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/overview" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Flink(master=f"127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


def test_local_needs_nothing(tmp_path: Path) -> None:
    with started(BeamSection(), tmp_path / "logs") as endpoints:
        assert endpoints == Endpoints()
    assert not (tmp_path / "logs").exists()


def test_a_cluster_that_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # meant for downloads, not for the cluster
    with answering(READY) as flink:
        check_flink(flink)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({**READY, "taskmanagers": 0}, "no TaskManager"),
        ({**READY, "flink-version": "1.20.1"}, "is Flink 1.20, but"),
        ({**READY, "slots-total": 1}, "has 1 slots, but"),
        ({"hello": 1}, "is not Flink"),
        ([], "is not Flink"),
    ],
)
def test_a_cluster_that_is_not(body: Any, complaint: str) -> None:
    with answering(body) as flink, pytest.raises(UsageError, match=complaint):
        check_flink(flink)


def test_no_cluster(tmp_path: Path) -> None:
    nothing = BeamSection.model_validate({"profile": "flink", "flink": {"master": "127.0.0.1:9"}})
    with pytest.raises(UsageError, match="Flink cannot be reached .*make flink-up"), started(nothing, tmp_path):
        pass


def test_dataflow_serves_no_run_on_this_machine(tmp_path: Path) -> None:
    cloud = {"project": "a", "region": "b", "temp_location": "gs://c", "image": "d"}
    beam = BeamSection.model_validate({"profile": "dataflow", "dataflow": cloud})
    with pytest.raises(UsageError, match="compile the pipeline"), started(beam, tmp_path):
        pass


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with answering(READY) as flink:
        beam = BeamSection(profile="flink", flink=flink)
        with pytest.raises(UsageError, match="not found, but .*JAVA_HOME"), started(beam, tmp_path):
            pass


def test_a_job_server_that_is_not_there() -> None:
    with pytest.raises(UsageError, match=r"missing.jar: no such file; correct job_server_jar"):
        job_server_jar(Flink(job_server_jar="missing.jar"))


def test_a_job_server_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from apache_beam.utils.subprocess_server import JavaJarServer

    monkeypatch.setenv("FLINK_DIR", str(tmp_path))
    monkeypatch.setattr(JavaJarServer, "JAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(JavaJarServer, "MAVEN_CENTRAL_REPOSITORY", "http://127.0.0.1:9/offline")
    monkeypatch.setattr(JavaJarServer.path_to_beam_jar.__func__, "__defaults__", (None, "2.77.0", None, None))
    with pytest.raises(UsageError, match=r"beam-runners-flink-1.19-job-server-.*cannot download.*make flink-up"):
        job_server_jar(Flink())
    with pytest.raises(UsageError, match=r"beam-runners-spark-3-job-server-.*cannot download.*job_server_jar"):
        job_server_jar(Spark())


def test_what_make_flink_up_has_made_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLINK_DIR", str(tmp_path))
    made = tmp_path / "job-server.jar"
    made.touch()
    assert job_server_jar(Flink()) == made


def test_a_job_server_that_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho corrupt; exit 3\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    jar = tmp_path / "broken.jar"
    jar.touch()
    with answering(READY) as flink:
        beam = BeamSection(profile="flink", flink=flink.model_copy(update={"job_server_jar": str(jar)}))
        with pytest.raises(PlumblineError, match=r"exit code 3.*job-server.log"), started(beam, tmp_path / "logs"):
            pass
    assert (tmp_path / "logs" / "job-server.log").read_text() == "corrupt\n"


def alive(process: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(process: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True).stdout
    return [int(one) for one in found.split()]


def eventually(holds: Any) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("still not so after a minute")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux only")
def test_a_killed_run_leaves_no_pool_behind(tmp_path: Path) -> None:
    program = "from pathlib import Path\nfrom pipeline.runners.beam.services import _worker_pool\nimport time\n"
    program += f"with _worker_pool(Path({str(tmp_path)!r})):\n    print('up', flush=True)\n    time.sleep(60)\n"
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert run.stdout is not None
        assert run.stdout.readline() == "up\n"
        (pool,) = children(run.pid)
        assert alive(pool)
    finally:
        run.kill()
        run.wait()
    eventually(lambda: not alive(pool))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux only")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_pool(how: signal.Signals) -> None:
    """Two TaskManagers that ask with the same worker id get a worker each, and none outlives the pool."""
    import grpc
    from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

    from pipeline.runners.beam.services import _free_port, _listens

    port = _free_port()
    pool = subprocess.Popen([sys.executable, "-m", "pipeline.runners.beam.worker_pool", "--port", str(port)])
    try:
        eventually(lambda: _listens(port))
        stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
        for control in ("127.0.0.1:7", "127.0.0.1:9"):
            request = beam_fn_api_pb2.StartWorkerRequest(worker_id="1-1")
            request.control_endpoint.url = control
            assert stub.StartWorker(request).error == ""
        workers = children(pool.pid)
        assert len(workers) == 2
        stub.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id="1-1"))
        assert all(map(alive, workers))  # it may be the other one's
        time.sleep(1)  # past the moment at which a worker ties its life to the pool's
        os.kill(pool.pid, how)
        pool.wait(30)
        eventually(lambda: not any(map(alive, workers)))
    finally:
        pool.kill()
        pool.wait()
