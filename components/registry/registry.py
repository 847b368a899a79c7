"""The model registry: reading, verifying and pushing versions. Versions appear atomically."""

import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.registry import aliases as changes
from components.registry.aliases import Aliases as Aliases
from components.registry.aliases import aliases_text, read_aliases
from components.registry.backend import LABELS as LABELS
from components.registry.backend import MANIFEST as MANIFEST
from components.registry.backend import Cards, numbered
from components.registry.backend import file_digests as file_digests
from components.registry.backend_selection import open_backend
from components.registry.folder_backend import FolderBackend
from components.shared.errors import PlumblineError, UsageError

ATTEMPTS = 50
"""Maximum retries of a change of labels.json in a bucket, if other writers interfere."""


class Registry:
    """The versions of a model, in a folder or a bucket. Safe against concurrent writers and kill -9 at any point.

    Constructor arguments: `location` is a folder, or a URL such as s3://bucket/path or gs://bucket/path. Credentials
    and AWS_ENDPOINT_URL of a bucket come from the environment, see object_store.py; they are not needed before
    something is read or written.
    """

    def __init__(self, location: Path | str) -> None:
        self._storage = open_backend(location)
        self.where = self._storage.shown()

    @property
    def folder(self) -> Path:
        """The registry's folder; raises UsageError if it is in a bucket. `where` is valid for both."""
        if not isinstance(self._storage, FolderBackend):
            raise UsageError(f"{self.where}: is in a bucket, where a folder is needed; copy the registry to one")
        return self._storage.folder

    # -- reading -------------------------------------------------------------------------------------------------

    def labels(self) -> Aliases | None:
        """Returns the aliases, or None if the registry does not exist; raises UsageError if it cannot be read."""
        return self._read_labels()[0]

    def versions(self) -> list[int]:
        """Returns the numbers of all versions, oldest first."""
        return self._storage.versions()

    def location(self, version: int) -> str:
        """Returns the folder or URL of a version; raises UsageError if it does not exist."""
        if not self._storage.has(version):
            if version in self.versions():
                name = self._storage.shown(f"{version}/{MANIFEST}")
                raise UsageError(f"{name}: is gone, while its model is there; run `plumbline doctor`")
            raise UsageError(f"{self.where}: version {version} does not exist; available: {self._versions_text()}")
        return self._storage.shown(str(version))

    def path(self, version: int) -> Path:
        """Returns the folder of a version; raises UsageError if it does not exist or is in a bucket (see `fetch`)."""
        return self.folder / Path(self.location(version)).name

    def version_named(self, name: str) -> int:
        """Returns the version of an alias (live, canary, shadow, previous) or number; UsageError if there is none."""
        labels = self.labels()
        if name in changes.ROLES:
            version = getattr(labels, name) if labels else None
            if version is None:
                raise UsageError(f"{self.where}: no version is {name}")
            return int(version)
        if not (name.isascii() and name.isdigit()) or int(name) not in self.versions():
            raise UsageError(
                f"{self.where}: version {name} does not exist; available: {self._versions_text()}, or live"
            )
        return int(name)

    def manifest(self, version: int) -> dict[str, Any]:
        """Returns manifest.json of a version; raises UsageError if it cannot be read."""
        self.location(version)
        name = f"{version}/{MANIFEST}"
        try:
            read = self._storage.read(name)
        except OSError as exc:
            raise self._unreadable(name, exc) from exc
        return self._manifest(name, read)

    def verify(self, version: int) -> None:
        """Checks a version; raises PlumblineError naming the first file that differs from its manifest."""
        self._compare(version, self.manifest(version)["files"], self._storage.digests(version))

    def damaged(self, version: int) -> list[str]:
        """Returns every file of a version that differs from its manifest: changed, missing or unlisted; sorted.

        Raises:
          UsageError: The version does not exist, or its manifest cannot be read.
        """
        return _different(self.manifest(version)["files"], self._storage.digests(version))

    def leftovers(self) -> list[str]:
        """Returns the paths or URLs of what killed pushes left; the next push completes or removes it."""
        return [self._storage.shown(name) for name in self._storage.leftovers()]

    def fetch(self, version: int, folder: Path) -> None:
        """Copies a version with its manifest to a folder and verifies the copy.

        Raises:
          UsageError: The version does not exist, or its manifest cannot be read.
          PlumblineError: A file differs from the manifest; the message names it. The copied files are not deleted.
        """
        files = self.manifest(version)["files"]
        self._compare(version, files, self._storage.fetch(version, folder))

    # -- writing -------------------------------------------------------------------------------------------------

    def create(self) -> Aliases:
        """Creates an empty registry unless it exists; returns its aliases.

        Raises:
          UsageError: There are versions without aliases. labels.json is written before the first version, so it was
            lost; with an empty one, the next model would be compared with no champion.
        """

        def created(labels: Aliases | None) -> Aliases:
            if labels is None and self.versions():
                raise UsageError(
                    f"{self._storage.shown(LABELS)}: is missing, though versions exist ({self._versions_text()}), so "
                    "none is known to be live; restore it, or run `plumbline doctor --repair`"
                )
            return labels or Aliases(id=uuid.uuid4().hex)

        with self._storage.locked():
            return self._change(created)

    def push(
        self,
        model: Path,
        manifest: Mapping[str, Any],
        cards: Cards | Mapping[str, str] | None = None,
        alias: str = "live",
    ) -> int:
        """Copies a SavedModel as the next version and makes it live.

        A model that is already a version is not copied again. That version is returned, and made live if it never was:
        a push was killed between the two steps. (In a bucket, two simultaneous pushes of one model may create two
        versions of it.)

        Args:
          model: Folder of the SavedModel. If it reports its version (backend.MODEL_VERSION), its copy reports the new
            number; all other files are copied unchanged.
          manifest: Entries of manifest.json in addition to the checksums of the files.
          cards: Name in backend.CARDS -> text, stored beside manifest.json, or a function of the version number that
            returns them; an existing version keeps its own.
          alias: "live", or "none": the version waits for `promote` or `start_canary`, unless it is the first one.

        Returns:
          The version number.
        """
        self.create()
        with self._storage.locked():
            self._storage.sweep()
            labels = self.labels()
            assert labels is not None
            files = file_digests(model)
            version = self._with_files(files)
            if version is None:
                above = max(0, labels.decided or 0, *(getattr(labels, role) or 0 for role in changes.ROLES))
                make = cards if callable(cards) else lambda _: cards or {}
                version = self._storage.add(model, {**manifest, "files": files}, above, make)
            self._change(lambda labels: changes.pushed(_existing(labels), version, alias))
            return version

    def start_canary(self, version: int, share: float, step: int | None = None) -> Aliases:
        """Sends a share of the requests to a version; of the present canary, it changes the share.

        Args:
          version: An existing version that is not live.
          share: Above 0 and at most 1.
          step: Index of the automatic mode's step; None if a person chose the share.

        Returns:
          The new aliases.

        Raises:
          UsageError: See `aliases.canary_started`; or the version does not exist.
        """
        return self._relabelled(lambda labels: changes.canary_started(labels, version, share, step), version)

    def set_share(self, share: float, step: int | None = None, seen: Aliases | None = None) -> Aliases:
        """Changes the share of the canary; see `aliases.share_set`, and `promote` for `seen`."""
        return self._relabelled(lambda labels: changes.share_set(labels, share, step), seen=seen)

    def start_shadow(self, version: int) -> Aliases:
        """Sends copies of the requests to a version; its predictions are only logged. See `aliases.shadow_started`."""
        return self._relabelled(lambda labels: changes.shadow_started(labels, version), version)

    def stop_canary(self) -> Aliases:
        """Ends the canary and the shadow: live answers all requests. UsageError if there is neither."""
        return self._relabelled(changes.canary_stopped)

    def promote(self, version: int | None = None, seen: Aliases | None = None) -> Aliases:
        """Makes the canary, or another version, live in one atomic write; the former live version is `previous`.

        Args:
          version: None is the canary.
          seen: Aliases that the decision is based on. If they differ from those in labels.json, nothing is changed.

        Returns:
          The new aliases.

        Raises:
          UsageError: There is no canary, or the version is live already or does not exist.
          PlumblineError: The aliases have changed since `seen`.
        """
        return self._relabelled(lambda labels: changes.promoted(labels, version), version, seen)

    def rollback(self, seen: Aliases | None = None) -> Aliases:
        """Ends the canary if there is one, else makes the previous version live; see `aliases.rolled_back`."""
        return self._relabelled(changes.rolled_back, seen=seen)

    def _relabelled(
        self, change: Callable[[Aliases], Aliases], version: int | None = None, seen: Aliases | None = None
    ) -> Aliases:
        """Applies a change of the aliases to an existing registry, after a check that the versions in use exist."""
        if self.labels() is None:  # before `locked`, which would create the folder
            raise UsageError(f"{self.where}: the registry has no version yet; `plumbline run` pushes one")
        if version is not None:
            self.location(version)

        def checked(labels: Aliases | None) -> Aliases:
            found = _existing(labels)
            if seen is not None and found != seen:
                raise PlumblineError(
                    f"{self._storage.shown(LABELS)}: was changed since the statistics were read; nothing is changed; "
                    "run again"
                )
            try:
                wanted = change(found)
            except UsageError as exc:
                raise UsageError(f"{self.where}: {exc}") from exc
            if wanted.live is not None and wanted.live != found.live:
                self.location(wanted.live)
            return wanted

        with self._storage.locked():
            return self._change(checked)

    def _change(self, change: Callable[[Aliases | None], Aliases]) -> Aliases:
        """Applies a change to labels.json by compare-and-swap, with retries if another process changed it."""
        for attempt in range(ATTEMPTS):
            labels, seen = self._read_labels()
            wanted = change(labels)
            if wanted == labels:
                return wanted
            text = aliases_text(wanted)
            if self._storage.write_labels(text.encode(), seen):
                return wanted
            time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))  # noqa: S311 - spreads retries; not for security
        raise PlumblineError(f"{self._storage.shown(LABELS)}: other processes keep changing it; run again")

    def relabel(self, labels: Aliases, keep: Callable[[bytes], None]) -> None:
        """Replaces labels.json regardless of its content: repairs one that is unreadable or names missing versions.

        Args:
          labels: The new aliases.
          keep: Called with the old content, if there is any, before it is replaced.

        Raises:
          PlumblineError: Another process changed it at the same time, or it cannot be written.
        """
        text = aliases_text(labels)
        with self._storage.locked():
            try:
                read = self._storage.read(LABELS)
            except OSError as exc:
                raise self._unreadable(LABELS, exc) from exc
            if read is not None:
                keep(read[0])
            if not self._storage.write_labels(text.encode(), None if read is None else read[1]):
                raise PlumblineError(f"{self._storage.shown(LABELS)}: was changed meanwhile; run again")

    def reserve(self, version: int) -> None:
        """Excludes the number of a removed version, and smaller ones, from new versions."""
        with self._storage.locked():
            self._storage.reserve(version)

    # -- helpers -------------------------------------------------------------------------------------------------

    def _versions_text(self) -> str:
        return ", ".join(map(str, self.versions())) or "none"

    def _unreadable(self, name: str, why: object) -> UsageError:
        return UsageError(f"{self._storage.shown(name)}: cannot be read ({why}); restore it or move the registry away")

    def _read_labels(self) -> tuple[Aliases | None, Any]:
        try:
            read = self._storage.read(LABELS)
            if read is None:
                return None, None
            labels = read_aliases(read[0])
            return labels, read[1]
        except (OSError, ValueError, TypeError) as exc:
            raise self._unreadable(LABELS, exc) from exc

    def _manifest(self, name: str, read: tuple[bytes, Any] | None) -> dict[str, Any]:
        try:
            if read is None:
                raise FileNotFoundError("it is missing")
            manifest: dict[str, Any] = json.loads(read[0].decode("utf-8"))
            if not isinstance(manifest["files"], dict):
                raise TypeError("files is not a table")
        except (OSError, ValueError, TypeError, KeyError) as exc:
            raise self._unreadable(name, exc) from exc
        return manifest

    def _with_files(self, files: dict[str, str]) -> int | None:
        """The newest version with the same files, apart from the version number that a push writes."""
        versions = self.versions()[::-1]
        names = [f"{version}/{MANIFEST}" for version in versions]
        try:
            for version, name, read in zip(versions, names, self._storage.read_all(names), strict=True):
                if read is not None and self._manifest(name, read)["files"] == numbered(files, version):
                    return version
        except OSError as exc:
            raise UsageError(f"{self.where}: the manifests cannot be read ({exc})") from exc
        return None

    def _compare(self, version: int, files: dict[str, str], found: dict[str, str]) -> None:
        if wrong := _different(files, found):
            shown = self._storage.shown(f"{version}/{wrong[0]}")
            raise PlumblineError(f"{shown}: is not the file that was pushed; roll back or push again")


def _different(files: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    return sorted(name for name in files.keys() | found.keys() if files.get(name) != found.get(name))


def _existing(labels: Aliases | None) -> Aliases:
    assert labels is not None  # the registry has been created
    return labels


def model_fingerprint(files: Mapping[str, str]) -> str:
    """Returns one SHA-256 over the digests of a model's files."""
    return hashlib.sha256(json.dumps(dict(sorted(files.items()))).encode()).hexdigest()
