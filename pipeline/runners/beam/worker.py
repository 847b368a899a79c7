"""A worker of a distributed runner: `python -m pipeline.runners.beam.worker CONTROL ID POOL`, started by the pool."""

import ctypes
import logging
import os
import signal
import sys

STATE_CACHE_BYTES = 100 << 20
"""Side inputs that a worker keeps rather than fetches again, at most; by itself Beam's worker keeps none."""


def main() -> None:
    """Serves the runner at CONTROL as worker ID, until it hangs up or the pool (process POOL) is gone."""
    control, worker_id, pool = sys.argv[1:]
    _end_with(int(pool))
    from pipeline.process.environment import configure_environment

    configure_environment()
    from apache_beam.runners.worker.sdk_worker import SdkHarness

    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {worker_id} %(levelname)s %(message)s")
    SdkHarness(control, worker_id=worker_id, state_cache_size=STATE_CACHE_BYTES).run()


def _end_with(pool: int) -> None:
    """Has the kernel end this process when the pool does, however that ends.

    Elsewhere than on Linux a worker ends when the runner hangs up.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != pool:
        sys.exit(1)


if __name__ == "__main__":
    main()
