"""Checks resource limits before TensorFlow is loaded: too low a limit would abort the process inside a C++ library."""

import os
import resource
import threading
from contextlib import suppress

from components.shared.errors import ResourceError
from pipeline.process.memory import SETTINGS, address_space_left, available_bytes

TABLE_THREADS = 16
"""Threads that must be startable for commands that read tables: Arrow, OpenMP and OpenBLAS abort if they are refused
one. `audit` has 9 at its peak on 2 cores."""

THREADS_A_CORE, MAX_THREADS = 6, 64
"""Further threads for each core if TensorFlow and gRPC are loaded (a run has 25 in all at its peak on 2 cores), and the
most that are tried: what many cores need was not measured, and a run that would succeed must not be refused."""

ADDRESS_SPACE = 5_000_000_000
"""Bytes of address space for TensorFlow, TFX and training on a small table. Loading takes 2.1 GB; with 3.6 GB LLVM
aborted the Trainer of a small table because it could not start a thread."""

TABLES = 2_000_000_000
"""Bytes of address space for commands that read tables without TensorFlow: Arrow, scikit-learn, LightGBM. With 1 GB
`drift` aborted on a small table because it could not start a thread."""

NUMPY = 400_000_000
"""Bytes of address space for NumPy on few cores; OpenBLAS ends the process if it gets less."""

OPEN_FILES = 64
"""Minimum number of files, pipes and sockets that libraries open."""

LOADED = 1_100_000_000
"""Bytes of memory after loading TensorFlow, TFX and Beam."""

A_CELL = 48
"""Bytes per cell of the training split: the transformed matrix in float32, its copies for each kind of model, and
batches. A rough estimate, which separates clear cases only."""


def check_address_space(needed: int) -> None:
    """Checks the limit on address space.

    Args:
      needed: Bytes: ADDRESS_SPACE, TABLES or NUMPY.

    Raises:
      ResourceError: `ulimit -v` leaves less.
    """
    left = address_space_left()
    if left is not None and left < needed:
        raise ResourceError(
            f"memory: the limit on address space (ulimit -v) leaves {left / 1e9:.1f} GB, but "
            f"{needed / 1e9:.1f} GB are needed; raise the limit"
        )


def check_limits(address_space: int = ADDRESS_SPACE) -> None:
    """Checks the limits on address space, open files and threads.

    If only the soft limit on open files is too low, it is raised to the hard limit.

    Args:
      address_space: Bytes: ADDRESS_SPACE or TABLES.

    Raises:
      ResourceError: A limit is too low.
    """
    check_address_space(address_space)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < OPEN_FILES:
            raise ResourceError(
                f"{hard} open files are allowed, but {OPEN_FILES} are needed; raise the limit (ulimit -n)"
            )
    further = THREADS_A_CORE * (os.cpu_count() or 1) if address_space == ADDRESS_SPACE else 0
    _check_threads(min(TABLE_THREADS + further, MAX_THREADS))


def _check_threads(count: int) -> None:
    """Raises ResourceError unless `count` further threads can be started."""
    stop = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError as exc:
        raise ResourceError(
            f"the system refuses thread {len(started) + 1} of {count} that are needed; raise the limits on "
            "processes and on memory (ulimit -u, ulimit -v, pids.max of the container), or end other processes"
        ) from exc
    finally:
        stop.set()
        for thread in started:
            thread.join()


def training_bytes(rows: int, columns: int) -> int:
    """Estimates the peak memory of a run in bytes; the Trainer has the peak.

    Args:
      rows: Rows of the training split.
      columns: Number of features.
    """
    return LOADED + rows * columns * A_CELL


def check_memory(rows: int, columns: int) -> str | None:
    """Returns a warning if training may not fit into memory; None if it fits or the available memory is unknown.

    Args:
      rows: Rows of the training split.
      columns: Number of features.
    """
    needed, left = training_bytes(rows, columns), available_bytes()
    if left is None or needed <= left:
        return None
    return (
        f"Trainer: {rows:,} rows x {columns:,} features need about {needed / 1e9:.1f} GB of memory, "
        f"{left / 1e9:.1f} GB are available; {SETTINGS}"
    )
