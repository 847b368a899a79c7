"""What a registry asks to be served, and the verified files of a version."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Hashable
from contextlib import suppress
from pathlib import Path

from components.registry.backend import file_digests
from components.registry.registry import Aliases, Registry, model_fingerprint
from components.shared.errors import PlumblineError
from components.shared.files import folder_beside

UNUSED_SECONDS = 3600.0
"""Age from which a copy of a bucket's version is deleted if no role needs it."""


class RegistryWatch:
    """Reads one registry, a folder or a bucket.

    Constructor arguments: `location` as for Registry; `cache`, the folder for copies of a bucket's versions. Processes
    may share it. A registry in a folder is loaded from where it is.
    """

    def __init__(self, location: Path | str, cache: Path) -> None:
        self._registry = Registry(location)
        self.where = self._registry.where
        self._in_bucket = "://" in self.where
        self._cache = cache / hashlib.sha256(self.where.encode()).hexdigest()[:16]

    def labels(self) -> Aliases:
        """Reads labels.json.

        Raises:
          PlumblineError: It cannot be read, or there is no registry.
          OSError: The storage fails.
        """
        labels = self._registry.labels()
        if labels is None:
            raise PlumblineError(f"{self.where}: there is no registry (labels.json is missing)")
        return labels

    def verified(self, version: int) -> Path:
        """Returns the folder of a version after its files have been compared with the checksums of its manifest.

        A bucket's version is copied to the cache first, unless it holds an intact copy.

        Raises:
          PlumblineError: The version does not exist, its manifest cannot be read, or a file is missing, changed or not
            listed; the message names it.
          OSError: The storage fails.
        """
        if not self._in_bucket:
            self._registry.verify(version)
            return self._registry.path(version)
        files = self._registry.manifest(version)["files"]
        copy = self._cache / f"{version}-{model_fingerprint(files)[:16]}"
        if _is_intact(copy, files):
            os.utime(copy)
            return copy
        copy.parent.mkdir(parents=True, exist_ok=True)
        with folder_beside(copy) as folder:
            self._registry.fetch(version, folder)
            if copy.exists():
                shutil.rmtree(copy, ignore_errors=True)
            with suppress(OSError):  # another process has put the same copy there
                folder.rename(copy)
        if not _is_intact(copy, files):
            raise PlumblineError(f"{copy}: the copy of {self.where} version {version} was changed; it is fetched again")
        return copy

    def file_state(self, version: int) -> Hashable:
        """Returns a value that differs after a file of a version was written, added or removed.

        In a folder: names, inodes, sizes and times of all files. In a bucket: the manifest.
        """
        try:
            if self._in_bucket:
                return json.dumps(self._registry.manifest(version), sort_keys=True)
            folder = self._registry.folder / str(version)
            return tuple(sorted(_stat(path) for path in (folder, *folder.rglob("*"))))
        except (OSError, PlumblineError) as exc:
            return type(exc).__name__, str(exc)

    def sweep(self, needed: Collection[int]) -> None:
        """Deletes copies of a bucket's versions that are not needed and were last used UNUSED_SECONDS ago."""
        if not self._in_bucket or not self._cache.is_dir():
            return
        for copy in self._cache.iterdir():
            version = copy.name.partition("-")[0]
            if version.isdecimal() and int(version) not in needed:
                with suppress(OSError):  # another process deletes it, too
                    if time.time() - copy.stat().st_mtime > UNUSED_SECONDS:
                        shutil.rmtree(copy)


def _stat(path: Path) -> tuple[str, int, int, int, int]:
    found = path.stat()
    return str(path), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_intact(copy: Path, files: dict[str, str]) -> bool:
    try:
        return copy.is_dir() and file_digests(copy) == files
    except OSError:
        return False
