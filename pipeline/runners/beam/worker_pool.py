"""A pool of Beam worker processes: `python -m pipeline.runners.beam.worker_pool --port 50000`.

The pool implements Beam's protocol for external workers: the runner requests a worker, and the pool starts a process.
Unlike Beam's own pool it listens on the loopback interface by default, starts workers with the same Python interpreter
and Plumbline's environment variables for TensorFlow, and ends its workers when it ends.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

END_SECONDS = 5
"""Seconds between SIGTERM and SIGKILL for workers."""


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts a worker process for each request of a runner."""

    def __init__(self) -> None:
        self._workers: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._stopped = False

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Starts a worker for the request's control endpoint."""
        control = request.control_endpoint.url
        command = [sys.executable, "-m", "pipeline.runners.beam.worker", control, request.worker_id, str(os.getpid())]
        try:
            with self._lock:
                if self._stopped:
                    return beam_fn_api_pb2.StartWorkerResponse(error="the pool is ending")
                self._workers = [worker for worker in self._workers if worker.poll() is None]
                worker = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - written above, no shell
                self._workers.append(worker)
            logging.info("worker %s started for %s", request.worker_id, control)
            return beam_fn_api_pb2.StartWorkerResponse()
        except OSError as exc:
            return beam_fn_api_pb2.StartWorkerResponse(error=f"worker not started: {exc}")

    def StopWorker(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Does nothing: a worker ends when its runner closes the connection or is killed.

        The worker id is not unique: every TaskManager numbers its workers from 1-1.
        """
        return beam_fn_api_pb2.StopWorkerResponse()

    def stop(self) -> None:
        """Ends all workers."""
        with self._lock:
            self._stopped = True
            for worker in self._workers:
                worker.terminate()
            deadline = time.monotonic() + END_SECONDS
            for worker in self._workers:
                try:
                    worker.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    worker.kill()
                    worker.wait()


def main() -> None:
    """Serves requests until SIGTERM, SIGINT or SIGHUP."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.runners.beam.worker_pool", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parsed = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s pool %(levelname)s %(message)s")
    pool = WorkerPool()
    server = grpc.server(ThreadPoolExecutor(16))
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.add_insecure_port(f"{parsed.host}:{parsed.port}")
    stop_requested = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop_requested.set())
    server.start()
    stop_requested.wait()
    server.stop(None)
    pool.stop()


if __name__ == "__main__":
    main()
