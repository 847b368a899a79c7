"""Loads, swaps and unloads the versions that registries ask for, without a gap for the requests; hands out leases.

Two threads: one polls every registry, assigns the roles and unloads; the other verifies, loads and warms up, one
version at a time. A request takes a lease under a lock that no one holds for longer than a few assignments.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.registry.aliases import ROLES, Aliases
from components.shared.errors import PlumblineError, UsageError
from serving.errors import ServingError, Status, servable_not_found, unknown_label, version_status_not_found
from serving.models.leases import Lease, ServedVersion
from serving.models.registry_watch import RegistryWatch
from serving.models.version_loading import load_version, settle, yield_often
from serving.models.version_states import State, VersionStatus
from serving.models.watched_model import FIRST_RETRY, LAST_RETRY, Failure, WatchedModel
from serving.traffic import BASELINE, CANARY, LIVE, SHADOW, arm_of

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Something that an operator should know, reported once.

    Attributes:
      kind: loaded, unloaded, switched (live or the canary is another version), refused (a version could not be loaded),
        unreadable and readable (the registry).
      model: Name of the model.
      version: The version; None for unreadable and readable.
      message: One line.
    """

    kind: str
    model: str
    version: int | None
    message: str


def log_event(event: Event) -> None:
    """Logs an event: as an error if a version was refused or the registry is unreadable, else as information."""
    _LOG.log(logging.ERROR if event.kind in ("refused", "unreadable") else logging.INFO, event.message)


class ModelManager:
    """The models of a server. All methods may be called by several threads at a time."""

    def __init__(
        self,
        registries: Mapping[str, Path | str],
        *,
        cache: Path,
        keep: Collection[str] = ROLES,
        poll_seconds: float = 0.5,
        warm_batches: Sequence[int] = (1,),
        report: Callable[[Event], None] = log_event,
    ) -> None:
        """Prepares; nothing is read before `start` or `poll`.

        Args:
          registries: Model name -> folder or URL of its registry.
          cache: Folder for copies of versions in buckets; several processes may share it.
          keep: Roles whose versions are kept in memory, of live, canary, shadow and previous; live always is.
          poll_seconds: Seconds between two looks at the registries.
          warm_batches: Batch sizes to warm up, in rows.
          report: Called with each event, in a thread of the manager.
        """
        unknown = set(keep) - set(ROLES)
        if unknown:
            raise UsageError(f"{min(unknown)}: is no role of a version; legal: {', '.join(ROLES)}")
        roles = {LIVE, *keep}
        self._models = {
            name: WatchedModel(name, RegistryWatch(location, cache), roles) for name, location in registries.items()
        }
        self._poll_seconds, self._warm_batches, self._report = poll_seconds, tuple(warm_batches), report
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._to_load = threading.Event()
        self._stopping = threading.Event()
        self._polling = threading.Lock()
        self._threads: list[threading.Thread] = []

    # -- requests ------------------------------------------------------------------------------------------------

    def models(self) -> list[str]:
        """Returns the names of the models."""
        return list(self._models)

    def ready(self, model: str | None = None) -> bool:
        """Whether a model, or each model, has a live version in memory."""
        names = [model] if model is not None else list(self._models)
        with self._lock:
            return all(name in self._models and LIVE in self._models[name].roles for name in names)

    def lease(self, model: str, version: int | None = None, label: str | None = None) -> Lease:
        """Returns a lease of the live version, or of a version by number or by role.

        Raises:
          ServingError: NOT_FOUND if the model is unknown or the version not in memory; INVALID_ARGUMENT if no version
            has the role. The messages are TensorFlow Serving's.
        """
        with self._lock:
            watched = self._watched(model, version)
            if version is not None:
                served = watched.served.get(version)
                if served is None:
                    raise servable_not_found(model, version)
                return Lease(served, "", self._lock)
            served = watched.roles.get(label or LIVE)
            if served is None:
                raise unknown_label(label) if label is not None else servable_not_found(model)
            return Lease(served, label or LIVE, self._lock)

    def route(self, model: str, key: bytes) -> Lease:
        """Returns a lease of the canary for its share of the keys, else of the live version; see traffic.arm_of.

        Raises:
          ServingError: NOT_FOUND if the model is unknown, or has no live version in memory.
        """
        with self._lock:
            watched = self._watched(model, None)
            labels, arm = watched.labels, LIVE
            if labels is not None and CANARY in watched.roles:
                arm = arm_of(key, labels.key, labels.share)
            served = watched.roles.get(LIVE if arm == BASELINE else arm)
            if served is None:
                raise servable_not_found(model)
            return Lease(served, arm, self._lock)

    def shadow(self, model: str) -> Lease | None:
        """Returns a lease of the shadow version; None if there is none in memory."""
        with self._lock:
            served = self._watched(model, None).roles.get(SHADOW)
            return None if served is None else Lease(served, SHADOW, self._lock)

    def aliases(self, model: str) -> Aliases | None:
        """Returns the roles as they answer, see WatchedModel.aliases; None before the registry was readable.

        Raises:
          ServingError: NOT_FOUND if the model is unknown.
        """
        with self._lock:
            return self._watched(model, None).aliases()

    def registry_state(self, model: str) -> tuple[bool, list[int]]:
        """Returns whether the registry was readable at the last poll, and the versions that it asks for in vain.

        The latter could not be loaded; the log and `statuses` say why.

        Raises:
          ServingError: NOT_FOUND if the model is unknown.
        """
        with self._lock:
            watched = self._watched(model, None)
            return not watched.unreadable, [version for version in watched.missing() if version in watched.failures]

    def statuses(self, model: str, version: int | None = None) -> list[VersionStatus]:
        """Returns the states of the versions, the newest first, or of one.

        Raises:
          ServingError: NOT_FOUND if the model or the version is unknown.
        """
        with self._lock:
            watched = self._models.get(model)
            found = watched.statuses() if watched else []
        if version is not None:
            found = [status for status in found if status.version == version]
        if not found:
            raise version_status_not_found(model, version)
        return found

    def _watched(self, model: str, version: int | None) -> WatchedModel:
        found = self._models.get(model)
        if found is None:
            raise servable_not_found(model, version)
        return found

    # -- threads -------------------------------------------------------------------------------------------------

    def start(self, timeout: float | None = None) -> bool:
        """Starts the threads.

        Args:
          timeout: Seconds to wait until each version that a registry asks for is in memory or refused; None: not.

        Returns:
          `ready()`.
        """
        yield_often()
        self._threads = [
            threading.Thread(target=self._load_loop, name="version loading", daemon=True),
            threading.Thread(target=self._poll_loop, name="registry polling", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        if timeout is not None:
            with self._changed:
                self._changed.wait_for(lambda: all(one.settled() for one in self._models.values()), timeout)
        return self.ready()

    def stop(self, timeout: float = 10.0) -> None:
        """Ends the threads, takes all versions out of service and unloads those without a lease.

        Args:
          timeout: Seconds to wait for the threads; a version that is loading is finished first.
        """
        self._stopping.set()
        self._to_load.set()
        for thread in self._threads:
            thread.join(timeout)
        with self._lock:
            for watched in self._models.values():
                watched.roles = {}
                for version in list(watched.served):
                    watched.retire(version)
        self._unload()

    def poll(self) -> None:
        """Reads every registry once: switches roles, retires and unloads versions, and has missing ones loaded."""
        with self._polling:
            for watched in self._models.values():
                self._poll_one(watched)
            self._unload()

    def load_missing(self) -> None:
        """Loads the versions that the last poll found missing, one after the other."""
        while not self._stopping.is_set():
            due = next((pair for watched in self._models.values() if (pair := self._due(watched))), None)
            if due is None:
                return
            self._load(*due)

    def _poll_loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self.poll()
            except Exception:  # the thread goes on, or no version would ever be switched again
                _LOG.exception("the registries could not be polled")
            self._stopping.wait(self._poll_seconds)

    def _load_loop(self) -> None:
        settled = False
        while not self._stopping.is_set():
            self._to_load.wait()
            self._to_load.clear()
            try:
                self.load_missing()
                if not settled and self.ready():
                    settle()
                    settled = True
            except Exception:
                _LOG.exception("versions could not be loaded")
                self._stopping.wait(self._poll_seconds)

    def _poll_one(self, watched: WatchedModel) -> None:
        try:
            labels = watched.watch.labels()
        except (OSError, PlumblineError) as exc:
            if str(exc) != watched.unreadable:
                watched.unreadable = str(exc)
                going_on = "; the versions in memory go on answering" if watched.served else ""
                self._report(Event("unreadable", watched.name, None, f"{watched.name}: {exc}{going_on}"))
            return
        if watched.unreadable:
            watched.unreadable = ""
            message = f"{watched.name}: {watched.watch.where} can be read again"
            self._report(Event("readable", watched.name, None, message))
        with self._changed:
            watched.labels = labels
            for version in watched.missing():
                if version not in watched.failures and watched.loading != version:
                    watched.set_status(version, State.START)
            changes = self._reassigned(watched)
            waiting = bool(watched.missing())
            self._changed.notify_all()
        for event in changes:
            self._report(event)
        if waiting:
            self._to_load.set()

    def _reassigned(self, watched: WatchedModel) -> list[Event]:
        """Assigns the roles; returns what changed. The caller holds the lock."""
        before = dict(watched.roles)
        watched.assign()
        events = []
        for role in (LIVE, CANARY):
            old, new = before.get(role), watched.roles.get(role)
            if new is not None and new is not old:
                former = f" (before: {old.model.version})" if old else ""
                version = new.model.version
                message = f"{watched.name}: version {version} answers as {role}{former}"
                events.append(Event("switched", watched.name, version, message))
        return events

    def _due(self, watched: WatchedModel) -> tuple[WatchedModel, int] | None:
        """The next version of a model to load: a missing one that did not fail, or may succeed now."""
        with self._lock:
            labels, missing, failures = watched.labels, watched.missing(), dict(watched.failures)
        for version in missing:
            failure = failures.get(version)
            assert labels is not None
            if failure is None or failure.registry != labels.id or time.monotonic() >= failure.retry_at:
                return watched, version
            if watched.watch.file_state(version) != failure.files:
                return watched, version
        return None

    def _load(self, watched: WatchedModel, version: int) -> None:
        with self._lock:
            if watched.labels is None or version not in watched.missing():
                return
            registry = watched.labels.id
            watched.loading = version
            watched.set_status(version, State.LOADING)
        files = watched.watch.file_state(version)
        started = time.monotonic()
        try:
            model = load_version(watched.watch, watched.name, version, self._warm_batches)
        except Exception as exc:  # of TensorFlow, the registry, a storage client: a version never ends the server
            self._refuse(watched, version, registry, files, exc)
            return
        finally:
            with self._changed:
                watched.loading = None
                self._changed.notify_all()
        with self._changed:
            watched.add(ServedVersion(model, registry))
            changes = self._reassigned(watched)  # retires it at once if it is no longer wanted
            needed = [*watched.served, *watched.wanted()]
            self._changed.notify_all()
        seconds = time.monotonic() - started
        self._report(
            Event("loaded", watched.name, version, f"{watched.name}: version {version} loaded in {seconds:.1f} s")
        )
        for event in changes:
            self._report(event)
        watched.watch.sweep(needed)
        self._unload()

    def _refuse(self, watched: WatchedModel, version: int, registry: str, files: Any, exc: Exception) -> None:
        code, why = _reason(exc)
        with self._changed:
            former = watched.failures.get(version)
            again = former is not None and former.registry == registry and former.files == files
            wait = min(2 * former.wait, LAST_RETRY) if former is not None and again else FIRST_RETRY
            watched.failures[version] = Failure(registry, files, why, time.monotonic() + wait, wait)
            watched.set_status(version, State.END, code, why)
            live = watched.roles.get(LIVE)
            self._changed.notify_all()
        if former is not None and former.registry == registry and former.message == why:
            return
        going_on = f"version {live.model.version} goes on answering" if live else "no version answers"
        message = f"{watched.name}: version {version} is not served: {why}; {going_on}"
        self._report(Event("refused", watched.name, version, message))

    def _unload(self) -> None:
        """Closes retired versions without a lease."""
        for watched in self._models.values():
            with self._lock:
                idle = watched.idle()
            for served in idle:
                served.model.close()
                version = served.model.version
                with self._changed:
                    if version not in watched.served and watched.loading != version:
                        watched.set_status(version, State.END)
                    self._changed.notify_all()
                self._report(Event("unloaded", watched.name, version, f"{watched.name}: version {version} unloaded"))


def _reason(exc: Exception) -> tuple[str, str]:
    """Status code of gRPC, and one line, for an error while a version was loading."""
    lines = str(exc).strip().splitlines() or [type(exc).__name__]
    code = Status.INTERNAL.value
    if isinstance(exc, ServingError):
        code, lines = exc.status.value, [f"the warm-up failed: {exc.message}"]
    elif isinstance(exc, UsageError):
        code = Status.NOT_FOUND.value
    elif isinstance(exc, PlumblineError):
        code = Status.DATA_LOSS.value
    elif isinstance(exc, OSError):
        code = Status.UNAVAILABLE.value
    elif isinstance(exc, ValueError):
        code = Status.INVALID_ARGUMENT.value
    return code, lines[0]
