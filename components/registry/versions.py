"""Versions of a registry: read, verified, pushed. A version appears whole or not at all."""

import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from components.errors import PlumblineError, UsageError
from components.files import sha256, sync_folder, write_json

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Labels:
    """labels.json. `id` changes when a registry is made anew, so that caches notice; `previous` was live before."""

    id: str
    live: int | None = None
    canary: int | None = None
    previous: int | None = None


class Registry:
    """A folder of versions. Safe against two writers and against kill -9 at any point."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # -- reading -------------------------------------------------------------------------------------------------

    def labels(self) -> Labels | None:
        """labels.json, or None before the registry is made; UsageError if it cannot be read."""
        path = self.folder / "labels.json"
        try:
            labels = Labels(**json.loads(path.read_text(encoding="utf-8")))
            for role in ("live", "canary", "previous"):
                version = getattr(labels, role)
                if version is not None and type(version) is not int:
                    raise TypeError(f"{role} is {version!r}, not the number of a version")
            return labels
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as exc:
            raise UsageError(f"{path}: cannot be read ({exc}); restore it or move the registry away") from exc

    def versions(self) -> list[int]:
        """Numbers of all versions, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(entry.name) for entry in self.folder.iterdir() if _is_version(entry))

    def path(self, version: int) -> Path:
        """Folder of a version; UsageError if it is not there."""
        path = self.folder / str(version)
        if not (path / MANIFEST).is_file():
            there = ", ".join(map(str, self.versions())) or "none"
            raise UsageError(f"{self.folder}: version {version} is not there; there is: {there}")
        return path

    def version_named(self, name: str) -> int:
        """The version that is called "live", "canary" or by its number; UsageError if there is none."""
        labels = self.labels()
        if name in ("live", "canary"):
            version = getattr(labels, name) if labels else None
            if version is None:
                raise UsageError(f"{self.folder}: no version is {name}")
            return int(version)
        if not (name.isascii() and name.isdigit()) or int(name) not in self.versions():
            there = ", ".join(map(str, self.versions())) or "none"
            raise UsageError(f"{self.folder}: version {name} is not there; there is: {there}, or say live")
        return int(name)

    def manifest(self, version: int) -> dict[str, Any]:
        """manifest.json of a version; UsageError if it cannot be read."""
        path = self.path(version) / MANIFEST
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(manifest["files"], dict):
                raise TypeError("files is no table")
        except (OSError, ValueError, TypeError, KeyError) as exc:
            raise UsageError(f"{path}: cannot be read ({exc}); restore it or move the registry away") from exc
        return manifest

    def verify(self, version: int) -> None:
        """PlumblineError naming the first file of a version that is not what its manifest says."""
        path = self.path(version)
        files = self.manifest(version)["files"]
        if (found := file_digests(path)) != files:
            wrong = sorted(name for name in files.keys() | found.keys() if files.get(name) != found.get(name))
            raise PlumblineError(f"{path / wrong[0]}: is not the file that was pushed; roll back or push again")

    # -- writing -------------------------------------------------------------------------------------------------

    def create(self) -> Labels:
        """Makes an empty registry unless there is one; returns its labels."""
        with self._locked():
            labels = self.labels()
            if labels is None:
                labels = Labels(id=uuid.uuid4().hex)
                write_json(self.folder / "labels.json", asdict(labels))
            return labels

    def push(self, model: Path, manifest: Mapping[str, Any]) -> int:
        """Copies a SavedModel in as the next version and makes it live.

        A model that is there already is not copied again: its version is made live if it never was (a push that was
        killed between the two steps), and returned.

        Args:
          model: Folder of the SavedModel.
          manifest: What to record beside the files' checksums.

        Returns:
          The version's number.
        """
        self.create()
        with self._locked():
            self._sweep()
            labels = self.labels()
            assert labels is not None
            files = file_digests(model)
            version = self._with_files(files)
            if version is None:
                version = max(0, *self.versions(), labels.live or 0, labels.canary or 0, labels.previous or 0) + 1
                self._copy_in(model, version, {**manifest, "version": version, "files": files})
            if labels.live is None or version > labels.live:
                self._relabel(replace(labels, live=version, previous=labels.live))
            return version

    def _with_files(self, files: dict[str, str]) -> int | None:
        for version in reversed(self.versions()):
            if (self.folder / str(version) / MANIFEST).is_file() and self.manifest(version)["files"] == files:
                return version
        return None

    def _copy_in(self, model: Path, version: int, manifest: dict[str, Any]) -> None:
        # TF Serving looks only at folders whose name is a number, so the half-copied one is invisible to it.
        staging = self.folder / f".staging-{version}-{uuid.uuid4().hex}"
        try:
            shutil.copytree(model, staging)
            if file_digests(staging) != manifest["files"]:
                raise PlumblineError(f"{model}: changed while it was copied to {self.folder}; run again")
            created = datetime.now(timezone.utc).isoformat(timespec="seconds")
            write_json(staging / MANIFEST, {"created": created, **manifest})
            for path in [*staging.rglob("*"), staging]:
                descriptor = os.open(path, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)
            staging.rename(self.folder / str(version))
        except BaseException:  # a full disk, say: what was copied so far must not fill it further
            shutil.rmtree(staging, ignore_errors=True)
            raise
        sync_folder(self.folder)

    def _relabel(self, labels: Labels) -> None:
        write_json(self.folder / "labels.json", asdict(labels))

    def _sweep(self) -> None:
        """Removes what a killed push left. Called with the lock held, so no living push owns it."""
        for leftover in self.folder.glob(".staging-*"):
            shutil.rmtree(leftover)
        for leftover in self.folder.glob(".labels.json.*"):
            leftover.unlink()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        except OSError as exc:
            raise UsageError(f"{self.folder}: cannot be written ({exc.strerror})") from exc
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel lets go of it when the process dies, however it dies
            yield


def _is_version(entry: Path) -> bool:
    """Named as push names them: 7, neither 007 nor a digit of another script."""
    return entry.name.isdecimal() and entry.name == str(int(entry.name)) and entry.is_dir()


def file_digests(folder: Path) -> dict[str, str]:
    """Path below the folder -> SHA-256, for every file but the folder's own manifest; sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}


def model_fingerprint(files: Mapping[str, str]) -> str:
    """One SHA-256 over a model's file digests."""
    return hashlib.sha256(json.dumps(dict(sorted(files.items()))).encode()).hexdigest()
