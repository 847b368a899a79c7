"""Limits that would end a run in the middle, or abort it inside a C++ library, found before TensorFlow is loaded."""

import threading

from components.errors import ResourceError
from pipeline.endings.memory import SETTINGS, address_space_left, available_bytes

THREADS = 32
"""Threads that TensorFlow, Arrow and gRPC start at least, on few cores. Where they cannot, they abort the process."""

ADDRESS_SPACE = 3_000_000_000
"""Bytes of address space for TensorFlow, TFX and a small training; loading them takes 2.1 GB."""

LOADED = 1_100_000_000
"""Bytes in memory once TensorFlow, TFX and Beam are loaded."""

A_CELL = 48
"""Bytes for each cell of the training split: the transformed matrix in float32, its copies for each kind of model, the
batches under way. Rough: enough to tell what fits easily from what does not fit."""


def check_limits() -> None:
    """ResourceError if TensorFlow could not start its threads, or not be loaded for a limit on address space."""
    left = address_space_left()
    if left is not None and left < ADDRESS_SPACE:
        raise ResourceError(
            f"memory: {left / 1e9:.1f} GB of address space are left by the limit (ulimit -v), but TensorFlow and TFX "
            f"take {ADDRESS_SPACE / 1e9:.1f} GB; raise the limit"
        )
    stop = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(THREADS):
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError as exc:
        raise ResourceError(
            f"the system refuses thread {len(started) + 1} of {THREADS} that TensorFlow needs; raise the limits on "
            "processes and on memory (ulimit -u, ulimit -v, pids.max of the container), or end other processes"
        ) from exc
    finally:
        stop.set()
        for thread in started:
            thread.join()


def training_bytes(rows: int, columns: int) -> int:
    """About how much memory a run takes at its peak, which is in the Trainer."""
    return LOADED + rows * columns * A_CELL


def check_memory(rows: int, columns: int) -> str | None:
    """A line that warns where a training may not fit into memory; None where it does, or nothing is known."""
    needed, left = training_bytes(rows, columns), available_bytes()
    if left is None or needed <= left:
        return None
    return (
        f"Trainer: {rows:,} rows x {columns:,} features take about {needed / 1e9:.1f} GB of memory, "
        f"{left / 1e9:.1f} GB are left; {SETTINGS}"
    )
