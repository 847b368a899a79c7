"""The versions of one model: which are asked for, which are in memory, and which answers in which role.

It decides and records; model_manager.py does the reading, loading and unloading.
"""

from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace

from components.registry.aliases import ROLES, Aliases
from serving.models.leases import ServedVersion
from serving.models.registry_watch import RegistryWatch
from serving.models.version_states import State, VersionStatus

REMEMBERED = 100
"""Versions at END whose status is kept."""
FIRST_RETRY, LAST_RETRY = 30.0, 600.0
"""Seconds until a version that could not be loaded is tried again although its files are the same. They double with
each trial: another cause, such as memory or a network, may have gone."""


@dataclass(frozen=True)
class Failure:
    """Why a version could not be loaded.

    Attributes:
      registry: Id of the registry that it was read from.
      files: RegistryWatch.file_state before the trial.
      message: The reason.
      retry_at: Time of time.monotonic() at which it is tried again with the same files.
      wait: Seconds between the trial and retry_at.
    """

    registry: str
    files: Hashable
    message: str
    retry_at: float
    wait: float


class WatchedModel:
    """State of one model. The manager's lock guards it.

    Attributes:
      labels: The content of labels.json when it was last readable; None before.
      served: The versions in memory that answer, by number.
      roles: Role -> version that answers in it.
      retired: Versions that only their leases keep in memory.
      failures: Version -> why it could not be loaded.
      unreadable: Why the registry could not be read at the last poll; "" if it could.
    """

    def __init__(self, name: str, watch: RegistryWatch, keep: Collection[str]) -> None:
        self.name, self.watch = name, watch
        self.keep = tuple(role for role in ROLES if role in keep)
        self.labels: Aliases | None = None
        self.served: dict[int, ServedVersion] = {}
        self.roles: dict[str, ServedVersion] = {}
        self.retired: list[ServedVersion] = []
        self.failures: dict[int, Failure] = {}
        self.unreadable = ""
        self.loading: int | None = None
        self._statuses: dict[int, VersionStatus] = {}

    def wanted(self) -> list[int]:
        """Returns the versions that labels.json asks for, live first, without repetition."""
        named = [getattr(self.labels, role) for role in self.keep] if self.labels else []
        return list(dict.fromkeys(version for version in named if version is not None))

    def missing(self) -> list[int]:
        """Returns the wanted versions that are not in memory, in the order in which they are loaded.

        After a new registry has taken the place of another, its other versions follow its live one: they may have the
        number of the old registry's version that still answers.
        """
        missing = [version for version in self.wanted() if not self._has(version)]
        live = self.roles.get("live")
        if live is not None and self.labels is not None and live.registry != self.labels.id:
            return [version for version in missing if version == self.labels.live]
        return missing

    def settled(self) -> bool:
        """Whether each wanted version is in memory or could not be loaded."""
        return self.labels is not None and all(version in self.failures for version in self.missing())

    def aliases(self) -> Aliases | None:
        """Returns the roles as they answer: labels.json with None for a version that does not; None before it is read.

        While the live version of labels.json is not in memory, `live` is the one before it. `share` is 0 unless the
        canary answers.
        """
        if self.labels is None:
            return None
        live, canary, shadow, previous = (
            self.roles[role].model.version if role in self.roles else None
            for role in ("live", "canary", "shadow", "previous")
        )
        share = self.labels.share if canary is not None else 0.0
        return replace(self.labels, live=live, canary=canary, shadow=shadow, previous=previous, share=share)

    def assign(self) -> list[int]:
        """Gives each role its version, and retires the versions that have none; returns these."""
        assert self.labels is not None
        roles = {}
        for role in self.keep:
            version = getattr(self.labels, role)
            if version is not None and self._has(version):
                roles[role] = self.served[version]
        if "live" not in roles and "live" in self.roles:
            roles["live"] = self.roles["live"]
        self.roles = roles
        used = set(map(id, roles.values()))
        ended = [version for version, one in self.served.items() if id(one) not in used]
        for version in ended:
            self.retire(version)
        return ended

    def add(self, served: ServedVersion) -> None:
        """Takes a loaded version up; one with the same number, from another registry, is retired."""
        version = served.model.version
        if version in self.served:
            self.retire(version)
        self.served[version] = served
        self.failures.pop(version, None)
        self.set_status(version, State.AVAILABLE)

    def retire(self, version: int) -> None:
        """Takes a version out of service; its leases keep it in memory."""
        self.retired.append(self.served.pop(version))
        self.set_status(version, State.UNLOADING)

    def idle(self) -> list[ServedVersion]:
        """Takes and returns the retired versions without a lease."""
        found = [one for one in self.retired if not one.leases]
        self.retired = [one for one in self.retired if one.leases]
        return found

    def set_status(self, version: int, state: State, code: str = "OK", message: str = "") -> None:
        """Records the state of a version."""
        self._statuses.pop(version, None)
        self._statuses[version] = VersionStatus(version, state, code, message)
        ended = [number for number, status in self._statuses.items() if status.state is State.END]
        for number in ended[:-REMEMBERED]:
            del self._statuses[number]

    def statuses(self) -> list[VersionStatus]:
        """Returns the states of all known versions, the newest version first, as TensorFlow Serving orders them."""
        return [self._statuses[version] for version in sorted(self._statuses, reverse=True)]

    def status(self, version: int) -> VersionStatus | None:
        """Returns the state of a version; None if it is unknown."""
        return self._statuses.get(version)

    def _has(self, version: int) -> bool:
        assert self.labels is not None
        return version in self.served and self.served[version].registry == self.labels.id
