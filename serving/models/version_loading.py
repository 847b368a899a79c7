"""Loads one version while other threads answer requests: verified, loaded, warmed up.

What would delay the requests, and what is done about it:

    optimising the graphs takes most of the time, without the interpreter's lock    in a thread of low priority
    the graph's import keeps the interpreter's lock, for about 80 ms of CPU time     at normal priority, to be short
    Python's collector of cycles visits all of TensorFlow's objects, for 0.3 s       they are exempt, see `settle`
    a thread waits up to 5 ms for the interpreter's lock                             0.5 ms, see `yield_often`
"""

import gc
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from components.shared.errors import PlumblineError
from serving.models.registry_watch import RegistryWatch

if TYPE_CHECKING:
    from serving.models.loaded_model import LoadedModel

SWITCH_SECONDS = 0.0005
LOW_PRIORITY = 10
"""Nice value of the thread that verifies, optimises and warms up."""
Result = TypeVar("Result")


def yield_often() -> None:
    """Lets a thread that waits for the interpreter have it after 0.5 ms instead of 5 ms."""
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))


def settle() -> None:
    """Exempts the objects that exist from later collections of cycles; call it when the first versions are loaded."""
    gc.collect()
    gc.freeze()


def load_version(watch: RegistryWatch, name: str, version: int, batches: Sequence[int]) -> "LoadedModel":
    """Verifies, loads and warms up a version.

    Args:
      watch: The registry.
      name: Name of the model.
      version: The version.
      batches: Batch sizes to warm up, in rows.

    Raises:
      PlumblineError: The version is not there, a file differs from its manifest or was changed while it was read.
      OSError: The storage fails.
      ServingError: The model refuses a recorded request.
      ValueError: The folder is no SavedModel, or its recorded requests are invalid.
      Exception: Of TensorFlow.
    """
    from serving.models.loaded_model import LoadedModel
    from serving.models.warmup import warm_up

    before = watch.file_state(version)
    with ThreadPoolExecutor(1, "version warm-up", initializer=_lower_priority) as aside:

        def run_aside(what: Callable[[], Result]) -> Result:
            return aside.submit(what).result()

        folder = run_aside(lambda: watch.verified(version))
        model = LoadedModel(folder, name, version)
        try:
            run_aside(lambda: warm_up(model, batches))
            if watch.file_state(version) != before:
                raise PlumblineError(f"{folder}: was changed while it was loaded; it is loaded again")
        except BaseException:
            model.close()
            raise
    return model


def _lower_priority() -> None:
    """Lowers the priority of this thread; only Linux has priorities of threads."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
