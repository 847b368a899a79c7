"""A registry in a folder: one lock, and versions that are published by an atomic rename.

<registry>/.lock                      locked by the writer; the kernel releases it when the process dies
<registry>/.staging-<n>-<random>/     a version being copied; abandoned if the lock is free
<registry>/.highest                   the largest reserved number; present only if a version was removed
"""

import fcntl
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from components.registry.backend import LABELS, MANIFEST, MODEL_VERSION, Cards, file_digests, numbered, version_text
from components.shared.errors import PlumblineError, UsageError
from components.shared.files import sync, write_bytes, write_json, write_text
from components.shared.texts.file_names import leads_out

HIGHEST = ".highest"
STAGING = (".staging-*", f".{LABELS}.*")
"""Name patterns of a version and of a labels.json that are being written."""


class FolderBackend:
    """See `RegistryBackend`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def shown(self, name: str = "") -> str:
        """See `RegistryBackend`."""
        return str(self.folder / name)

    def read(self, name: str) -> tuple[bytes, Any] | None:
        """See `RegistryBackend`."""
        try:
            return (self.folder / name).read_bytes(), None
        except FileNotFoundError:
            return None

    def read_all(self, names: Iterable[str]) -> Iterator[tuple[bytes, Any] | None]:
        """See `RegistryBackend`."""
        return map(self.read, names)

    def versions(self) -> list[int]:
        """See `RegistryBackend`."""
        if not self.folder.is_dir():
            return []
        return sorted(int(entry.name) for entry in self.folder.iterdir() if _is_version(entry))

    def has(self, version: int) -> bool:
        """See `RegistryBackend`."""
        return (self.folder / str(version) / MANIFEST).is_file()

    def digests(self, version: int) -> dict[str, str]:
        """See `RegistryBackend`."""
        self._refuse_links(version)
        return file_digests(self.folder / str(version))

    def fetch(self, version: int, folder: Path) -> dict[str, str]:
        """See `RegistryBackend`."""
        self._refuse_links(version)
        shutil.copytree(self.folder / str(version), folder, dirs_exist_ok=True)
        return file_digests(folder)

    def _refuse_links(self, version: int) -> None:
        """Raises PlumblineError for a link to outside of the registry, whose target would be copied and served."""
        if link := leads_out(self.folder / str(version)):
            raise PlumblineError(f"{link}: is a link that leads out of the registry; roll back or push again")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """See `RegistryBackend`."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        except OSError as exc:
            raise UsageError(f"{self.folder}: cannot be written ({exc.strerror})") from exc
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel releases it when the process dies, even by kill -9
            yield

    def sweep(self) -> None:
        """Removes what killed pushes left. The lock is held, so no running push owns it."""
        versions, labels = STAGING
        for leftover in self.folder.glob(versions):
            shutil.rmtree(leftover)
        for leftover in self.folder.glob(labels):
            leftover.unlink()

    def leftovers(self) -> list[str]:
        """See `RegistryBackend`."""
        try:
            with (self.folder / ".lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass  # nothing was ever written
        except BlockingIOError:
            return []
        return sorted(path.name for pattern in STAGING for path in self.folder.glob(pattern))

    def write_labels(self, content: bytes, seen: Any) -> bool:
        """See `RegistryBackend`. The lock excludes other writers, so `seen` is not needed."""
        write_bytes(self.folder / LABELS, content)
        return True

    def add(self, model: Path, manifest: Mapping[str, Any], above: int, cards: Cards) -> int:
        """See `RegistryBackend`."""
        version = max(above, *self.versions(), self._highest()) + 1
        # TensorFlow Serving reads only folders with a number as their name, so it ignores the incomplete copy.
        staging = self.folder / f".staging-{version}-{uuid.uuid4().hex}"
        try:
            shutil.copytree(model, staging)
            if file_digests(staging) != manifest["files"]:
                raise PlumblineError(f"{model}: changed while it was copied to {self.folder}; run again")
            if MODEL_VERSION in manifest["files"]:
                write_text(staging / MODEL_VERSION, version_text(version))
            for name, text in cards(version).items():
                write_text(staging / name, text)
            created = datetime.now(timezone.utc).isoformat(timespec="seconds")
            files = numbered(manifest["files"], version)
            write_json(staging / MANIFEST, {"created": created, **manifest, "files": files, "version": version})
            for path in [*staging.rglob("*"), staging]:
                sync(path)
            staging.rename(self.folder / str(version))
        except BaseException:  # a full disk, for instance: the partial copy would keep it full
            shutil.rmtree(staging, ignore_errors=True)
            raise
        sync(self.folder)
        return version

    def reserve(self, version: int) -> None:
        """See `RegistryBackend`."""
        write_text(self.folder / HIGHEST, f"{max(version, self._highest())}\n")

    def _highest(self) -> int:
        try:
            return int((self.folder / HIGHEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0


def _is_version(entry: Path) -> bool:
    """Whether a folder has a name that a push gives: 7, but neither 007 nor digits of another script."""
    return entry.name.isdecimal() and entry.name == str(int(entry.name)) and entry.is_dir()
