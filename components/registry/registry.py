"""Versions of a registry: read, verified, pushed. A version appears whole or not at all."""

import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from components.registry.backend import LABELS as LABELS
from components.registry.backend import MANIFEST as MANIFEST
from components.registry.backend import Cards, numbered
from components.registry.backend import file_digests as file_digests
from components.registry.backend_selection import storage_of
from components.registry.folder_backend import FolderStorage
from components.shared.errors import PlumblineError, UsageError

ATTEMPTS = 50
"""To change labels in a bucket, where somebody else may always have been quicker."""


@dataclass(frozen=True)
class Labels:
    """labels.json. `id` changes when a registry is made anew, so that caches notice; `previous` was live before."""

    id: str
    live: int | None = None
    canary: int | None = None
    previous: int | None = None


class Registry:
    """The versions of a model, in a folder or a bucket. Safe against two writers and against kill -9 at any point.

    Args of the constructor: `location` is a folder, or a URL such as s3://bucket/path or gs://bucket/path. What a
    bucket needs (credentials, AWS_ENDPOINT_URL) comes from the environment, see objects.py; it is not asked before
    something is read or written.
    """

    def __init__(self, location: Path | str) -> None:
        self._storage = storage_of(location)
        self.where = self._storage.shown()

    @property
    def folder(self) -> Path:
        """The registry's folder; UsageError if it is in a bucket. `where` says it for both."""
        if not isinstance(self._storage, FolderStorage):
            raise UsageError(f"{self.where}: is in a bucket, where a folder is needed; copy the registry to one")
        return self._storage.folder

    # -- reading -------------------------------------------------------------------------------------------------

    def labels(self) -> Labels | None:
        """labels.json, or None before the registry is made; UsageError if it cannot be read."""
        return self._read_labels()[0]

    def versions(self) -> list[int]:
        """Numbers of all versions, oldest first."""
        return self._storage.versions()

    def location(self, version: int) -> str:
        """Folder or URL of a version; UsageError if it is not there."""
        if not self._storage.has(version):
            if version in self.versions():
                name = self._storage.shown(f"{version}/{MANIFEST}")
                raise UsageError(f"{name}: is gone, while its model is there; run `plumbline doctor`")
            raise UsageError(f"{self.where}: version {version} is not there; there is: {self._there()}")
        return self._storage.shown(str(version))

    def path(self, version: int) -> Path:
        """Folder of a version; UsageError if it is not there, or in a bucket (`fetch` copies it from there)."""
        return self.folder / Path(self.location(version)).name

    def version_named(self, name: str) -> int:
        """The version that is called "live", "canary" or by its number; UsageError if there is none."""
        labels = self.labels()
        if name in ("live", "canary"):
            version = getattr(labels, name) if labels else None
            if version is None:
                raise UsageError(f"{self.where}: no version is {name}")
            return int(version)
        if not (name.isascii() and name.isdigit()) or int(name) not in self.versions():
            raise UsageError(f"{self.where}: version {name} is not there; there is: {self._there()}, or say live")
        return int(name)

    def manifest(self, version: int) -> dict[str, Any]:
        """manifest.json of a version; UsageError if it cannot be read."""
        self.location(version)
        name = f"{version}/{MANIFEST}"
        try:
            read = self._storage.read(name)
        except OSError as exc:
            raise self._unreadable(name, exc) from exc
        return self._manifest(name, read)

    def verify(self, version: int) -> None:
        """PlumblineError naming the first file of a version that is not what its manifest says."""
        self._compare(version, self.manifest(version)["files"], self._storage.digests(version))

    def damaged(self, version: int) -> list[str]:
        """Every file of a version that is not what its manifest says: other bytes, gone, or one too many; sorted.

        Raises:
          UsageError: The version is not there, or its manifest cannot be read.
        """
        return _different(self.manifest(version)["files"], self._storage.digests(version))

    def leftovers(self) -> list[str]:
        """What pushes left that were killed, by path or URL; the next push settles or removes it."""
        return [self._storage.shown(name) for name in self._storage.leftovers()]

    def fetch(self, version: int, folder: Path) -> None:
        """Copies a version into a folder, manifest and all, and checks that what arrived is what was pushed.

        Raises:
          UsageError: The version is not there, or its manifest cannot be read.
          PlumblineError: A file is not what the manifest says; it is named. What was copied is still there.
        """
        files = self.manifest(version)["files"]
        self._compare(version, files, self._storage.fetch(version, folder))

    # -- writing -------------------------------------------------------------------------------------------------

    def create(self) -> Labels:
        """Makes an empty registry unless there is one; returns its labels."""
        with self._storage.locked():
            return self._change(lambda labels: labels or Labels(id=uuid.uuid4().hex))

    def push(self, model: Path, manifest: Mapping[str, Any], cards: Cards | Mapping[str, str] | None = None) -> int:
        """Copies a SavedModel in as the next version and makes it live.

        A model that is there already is not copied again: its version is made live if it never was (a push that was
        killed between the two steps), and returned. (In a bucket, two pushes of one model at the same moment may
        make two versions of it.)

        Args:
          model: Folder of the SavedModel. If it answers with its version (storage.MODEL_VERSION), the copy answers
            with the number that it gets; all else stays, byte for byte.
          manifest: What to record beside the files' checksums.
          cards: storage.CARDS -> text, to lie beside manifest.json, or a function that makes them of the version's
            number; a model that is there already keeps its own.

        Returns:
          The version's number.
        """
        self.create()
        with self._storage.locked():
            self._storage.sweep()
            labels = self.labels()
            assert labels is not None
            files = file_digests(model)
            version = self._with_files(files)
            if version is None:
                above = max(0, labels.live or 0, labels.canary or 0, labels.previous or 0)
                make = cards if callable(cards) else lambda _: cards or {}
                version = self._storage.add(model, {**manifest, "files": files}, above, make)
            self._change(lambda labels: _made_live(labels, version))
            return version

    def _change(self, change: Callable[[Labels | None], Labels]) -> Labels:
        """Reads labels.json, changes it and writes it, again and again until nobody else has done so meanwhile."""
        for attempt in range(ATTEMPTS):
            labels, seen = self._read_labels()
            wanted = change(labels)
            if wanted == labels:
                return wanted
            text = json.dumps(asdict(wanted), indent=2, ensure_ascii=False) + "\n"
            if self._storage.write_labels(text.encode(), seen):
                return wanted
            time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))  # noqa: S311 - spreads retries, guards nothing
        raise PlumblineError(f"{self._storage.shown(LABELS)}: others change it all the time; run again")

    def relabel(self, labels: Labels, keep: Callable[[bytes], None]) -> None:
        """Replaces labels.json, whatever it holds: to repair one that cannot be read or names what is not there.

        Args:
          labels: The new content.
          keep: Called with the old content, if there is any, before it is replaced.

        Raises:
          PlumblineError: Somebody else changed it meanwhile, or it cannot be written.
        """
        text = json.dumps(asdict(labels), indent=2, ensure_ascii=False) + "\n"
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
        """Keeps a version's number from being given again, once the version is taken out."""
        with self._storage.locked():
            self._storage.reserve(version)

    # -- helpers -------------------------------------------------------------------------------------------------

    def _there(self) -> str:
        return ", ".join(map(str, self.versions())) or "none"

    def _unreadable(self, name: str, why: object) -> UsageError:
        return UsageError(f"{self._storage.shown(name)}: cannot be read ({why}); restore it or move the registry away")

    def _read_labels(self) -> tuple[Labels | None, Any]:
        try:
            read = self._storage.read(LABELS)
            if read is None:
                return None, None
            labels = Labels(**json.loads(read[0].decode("utf-8")))
            for role in ("live", "canary", "previous"):
                version = getattr(labels, role)
                if version is not None and type(version) is not int:
                    raise TypeError(f"{role} is {version!r}, not the number of a version")
            return labels, read[1]
        except (OSError, ValueError, TypeError) as exc:
            raise self._unreadable(LABELS, exc) from exc

    def _manifest(self, name: str, read: tuple[bytes, Any] | None) -> dict[str, Any]:
        try:
            if read is None:
                raise FileNotFoundError("it is gone")
            manifest: dict[str, Any] = json.loads(read[0].decode("utf-8"))
            if not isinstance(manifest["files"], dict):
                raise TypeError("files is no table")
        except (OSError, ValueError, TypeError, KeyError) as exc:
            raise self._unreadable(name, exc) from exc
        return manifest

    def _with_files(self, files: dict[str, str]) -> int | None:
        """The newest version of these very files, but for the number that a push writes."""
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


def _made_live(labels: Labels | None, version: int) -> Labels:
    assert labels is not None
    if labels.live is None or version > labels.live:
        return replace(labels, live=version, previous=labels.live)
    return labels


def model_fingerprint(files: Mapping[str, str]) -> str:
    """One SHA-256 over a model's file digests."""
    return hashlib.sha256(json.dumps(dict(sorted(files.items()))).encode()).hexdigest()
