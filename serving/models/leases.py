"""Versions in memory with the number of requests that use each, and the leases of those requests."""

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.models.loaded_model import LoadedModel


class ServedVersion:
    """A loaded version. The manager's lock guards its attributes.

    Attributes:
      model: The loaded model.
      registry: Id of the registry that it comes from.
      leases: Number of requests that use it.
    """

    def __init__(self, model: "LoadedModel", registry: str) -> None:
        self.model = model
        self.registry = registry
        self.leases = 0


class Lease:
    """The right to call a version, which is not unloaded before the lease ends. A context manager of LoadedModel.

        with manager.lease("flights") as model:
            model.run("serving_default", inputs)

    Attributes:
      model: The loaded model.
      version: Its number.
      arm: live, baseline (a part of live), canary, shadow or previous; "" if the version was asked for by number.
    """

    __slots__ = ("_lock", "_served", "arm", "model", "version")

    def __init__(self, served: ServedVersion, arm: str, lock: Lock) -> None:
        """Counts the lease; the caller holds the lock."""
        served.leases += 1
        self._served: ServedVersion | None = served
        self._lock = lock
        self.model, self.version, self.arm = served.model, served.model.version, arm

    def release(self) -> None:
        """Ends the lease; nothing happens if it has ended. Any thread may call it."""
        with self._lock:
            if self._served is not None:
                self._served.leases -= 1
                self._served = None

    def __enter__(self) -> "LoadedModel":
        return self.model

    def __exit__(self, *_: object) -> None:
        self.release()
