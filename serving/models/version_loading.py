"""Loads one version: verified, loaded, warmed up. Beside it, requests are answered in other threads."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.shared.errors import PlumblineError
from serving.models.registry_watch import RegistryWatch

if TYPE_CHECKING:
    from serving.models.loaded_model import LoadedModel

SWITCH_SECONDS = 0.0005


def yield_often() -> None:
    """Lets a thread that waits for the interpreter have it after 0.5 ms instead of 5 ms."""
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))


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
    folder = watch.verified(version)
    model = LoadedModel(folder, name, version)
    try:
        warm_up(model, batches)
        if watch.file_state(version) != before:
            raise PlumblineError(f"{folder}: was changed while it was loaded; it is loaded again")
    except BaseException:
        model.close()
        raise
    return model
