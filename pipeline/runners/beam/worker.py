"""A Beam worker process: `python -m pipeline.runners.beam.worker CONTROL ID POOL`, started by the worker pool."""

import ctypes
import logging
import os
import signal
import sys

STATE_CACHE_BYTES = 100 << 20
"""Size of the worker's cache for side inputs; Beam's default is none."""


def main() -> None:
    """Serves the runner at address CONTROL as worker ID, until the connection or the pool (process id POOL) ends."""
    control, worker_id, pool = sys.argv[1:]
    _end_with(int(pool))
    from pipeline.process.environment import configure_environment

    configure_environment()
    from apache_beam.runners.worker.sdk_worker import SdkHarness

    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {worker_id} %(levelname)s %(message)s")
    SdkHarness(control, worker_id=worker_id, state_cache_size=STATE_CACHE_BYTES).run()


def _end_with(pool: int) -> None:
    """Makes the kernel kill this process when the pool ends, on Linux. Elsewhere it ends when the connection closes."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != pool:
        sys.exit(1)


if __name__ == "__main__":
    main()
