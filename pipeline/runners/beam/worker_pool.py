"""A pool of Python workers, each a process: `python -m pipeline.runners.beam.worker_pool --port 50000`.

It speaks Beam's protocol for external workers: a runner asks for a worker, the pool starts one. Beam has such a pool of
its own; ours listens on this machine only unless told otherwise, starts workers with this very Python and with our
settings for TensorFlow, and takes them with it when it ends.
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
"""Workers that are told to end have so long before they are killed."""


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts and stops workers as a runner asks for it."""

    def __init__(self) -> None:
        self._workers: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._stopped = False

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Starts a worker for the control endpoint that asks."""
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
        """Does nothing: a worker ends when its runner hangs up, also when that was killed.

        Its id says too little to end it by: every TaskManager counts its own workers from 1-1.
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
    """Serves until it gets SIGTERM, SIGINT or SIGHUP."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.runners.beam.worker_pool", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parsed = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s pool %(levelname)s %(message)s")
    pool = WorkerPool()
    server = grpc.server(ThreadPoolExecutor(16))
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.add_insecure_port(f"{parsed.host}:{parsed.port}")
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: asked.set())
    server.start()
    asked.wait()
    server.stop(None)
    pool.stop()


if __name__ == "__main__":
    main()
