"""Limits that would end a run in the middle, or abort it inside a C++ library, found before TensorFlow is loaded."""

import resource
import threading
from contextlib import suppress

from components.shared.errors import ResourceError
from pipeline.process.memory import SETTINGS, address_space_left, available_bytes

THREADS = 16
"""Threads that TensorFlow, Arrow and gRPC start at least, on few cores. Where they cannot, they abort the process."""

ADDRESS_SPACE = 5_000_000_000
"""Bytes of address space for TensorFlow, TFX and a small training. Loading them takes 2.1 GB; with 3.6 GB the Trainer
of a small table was aborted by LLVM, which found no room for a thread."""

TABLES = 2_000_000_000
"""Bytes of address space for what reads tables without TensorFlow: Arrow, scikit-learn, LightGBM. With 1 GB `drift` on
a small table was aborted for want of a thread."""

NUMPY = 400_000_000
"""Bytes of address space for NumPy on few cores, whose OpenBLAS ends the process where it gets less."""

OPEN_FILES = 64
"""Files, pipes and sockets that libraries open at least."""

LOADED = 1_100_000_000
"""Bytes in memory once TensorFlow, TFX and Beam are loaded."""

A_CELL = 48
"""Bytes for each cell of the training split: the transformed matrix in float32, its copies for each kind of model, the
batches under way. Rough: enough to tell what fits easily from what does not fit."""


def check_address_space(needed: int) -> None:
    """ResourceError where less is left; `needed` is ADDRESS_SPACE, TABLES or NUMPY."""
    left = address_space_left()
    if left is not None and left < needed:
        raise ResourceError(
            f"memory: the limit on address space (ulimit -v) leaves {left / 1e9:.1f} GB, but "
            f"{needed / 1e9:.1f} GB are needed; raise the limit"
        )


def check_limits(address_space: int = ADDRESS_SPACE) -> None:
    """ResourceError if libraries could not be loaded, start their threads or open their files.

    Where only the soft limit on open files is too low, it is raised.

    Args:
      address_space: Bytes that are needed, ADDRESS_SPACE or TABLES.
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
    stop = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(THREADS):
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError as exc:
        raise ResourceError(
            f"the system refuses thread {len(started) + 1} of {THREADS} that are needed; raise the limits on "
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
