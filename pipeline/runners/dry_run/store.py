"""Stores of artifacts: a plain folder, a folder that replaces an object store, or an S3 object store.

`download` and `upload` follow KFP's launcher (v2/objectstore): they copy files only. Object stores have no empty
folders, so empty folders are lost.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from components.registry.object_store import ObjectInfo, ObjectStore, parallel_map
from pipeline.runners.dry_run.artifact_paths import folder_of, is_remote


@dataclass(frozen=True)
class Content:
    """Number and total size of the objects below a URI.

    Attributes:
      objects: Number of objects; 0 if there are none.
      bytes: Total size.
    """

    objects: int = 0
    bytes: int = 0


class ArtifactStore(Protocol):
    """A store of artifacts. Its methods raise OSError or PlumblineError if the store fails."""

    def content(self, uri: str) -> Content:
        """Counts the objects below a URI."""

    def download(self, uri: str, path: Path) -> Content:
        """Copies the objects below a URI to a local path."""

    def upload(self, path: Path, uri: str) -> Content:
        """Copies a local file or folder to a URI."""

    def remove(self, uri: str) -> None:
        """Removes the objects below a URI; no error if there are none."""


def files_below(path: Path) -> Iterator[tuple[str, Path]]:
    """Yields (relative path, file) for each file below a folder, following links; ("", path) for a file."""
    if path.is_file():
        yield "", path
    for folder, _, names in sorted(os.walk(path, followlinks=True)):
        for name in sorted(names):
            file = Path(folder) / name
            yield file.relative_to(path).as_posix(), file


def _measure(path: Path) -> Content:
    return _total(file.stat().st_size for _, file in files_below(path))


def _total(sizes: Iterable[int]) -> Content:
    found = list(sizes)
    return Content(len(found), sum(found))


class PlainStore:
    """A local folder that all tasks access directly; nothing is copied."""

    def content(self, uri: str) -> Content:
        """See Store."""
        return _measure(folder_of(uri))

    def download(self, uri: str, path: Path) -> Content:
        """Does nothing: the path is that of the URI."""
        return self.content(uri)

    def upload(self, path: Path, uri: str) -> Content:
        """Does nothing: the path is that of the URI."""
        return self.content(uri)

    def remove(self, uri: str) -> None:
        """See Store."""
        _remove(folder_of(uri))


class FolderStore:
    """A folder that replaces an object store, with objects as files: <base>/<scheme>/<bucket>/<key>."""

    def __init__(self, base: Path) -> None:
        self._base = base

    def content(self, uri: str) -> Content:
        """See Store."""
        return _measure(self._path(uri))

    def download(self, uri: str, path: Path) -> Content:
        """See Store."""
        return _copy(self._path(uri), path)

    def upload(self, path: Path, uri: str) -> Content:
        """See Store."""
        return _copy(path, self._path(uri))

    def remove(self, uri: str) -> None:
        """See Store."""
        _remove(self._path(uri))

    def _path(self, uri: str) -> Path:
        scheme, _, rest = uri.partition("://")
        if ".." in rest.split("/"):
            raise OSError(f"{uri}: '..' in a key")
        return self._base / scheme / rest


class S3Store:
    """An S3 object store; endpoint and credentials come from environment variables (AWS_…)."""

    def content(self, uri: str) -> Content:
        """See Store."""
        _, _, found = self._found(uri)
        return _total(one.bytes for one in found)

    def download(self, uri: str, path: Path) -> Content:
        """See Store."""
        store, key, found = self._found(uri)

        def fetch(one: ObjectInfo) -> int:
            below = one.name[len(key) :].lstrip("/")
            target = path / below if below else path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for chunk in store.chunks(one):
                    file.write(chunk)
            return one.bytes

        return _total(parallel_map(fetch, found))

    def upload(self, path: Path, uri: str) -> Content:
        """See Store."""
        store, key = _bucket_and_key(uri)

        def put(entry: tuple[str, Path]) -> int:
            below, file = entry
            store.upload(f"{key}/{below}" if below else key, file)
            return file.stat().st_size

        return _total(parallel_map(put, files_below(path)))

    def remove(self, uri: str) -> None:
        """See Store."""
        store, _, found = self._found(uri)
        for _ in parallel_map(lambda one: store.delete(one.name), found):
            pass

    def _found(self, uri: str) -> tuple[ObjectStore, str, list[ObjectInfo]]:
        """The bucket, the key, and the objects below `key/` or at `key`; not those that only share the prefix."""
        store, key = _bucket_and_key(uri)
        found = store.list(key)
        if not found and (one := store.stat(key)):  # listings use the prefix "key/"
            found = [one]
        return store, key, found


class Stores:
    """Selects the store of a URI."""

    def __init__(self, folder: Path, s3: ArtifactStore | None) -> None:
        """Configures the stores.

        Args:
          folder: Folder that replaces object stores.
          s3: Store for s3:// and minio://; None uses the folder.
        """
        self._plain: ArtifactStore = PlainStore()
        self._remote: ArtifactStore = FolderStore(folder)
        self._s3: ArtifactStore = s3 or self._remote

    def of(self, uri: str) -> ArtifactStore:
        """Returns the store of a URI."""
        if not is_remote(uri):
            return self._plain
        return self._s3 if uri.startswith(("s3://", "minio://")) else self._remote


def _bucket_and_key(uri: str) -> tuple[ObjectStore, str]:
    bucket, _, key = uri.partition("://")[2].partition("/")
    return ObjectStore("s3", bucket, ""), key.rstrip("/")


def _copy(source: Path, target: Path) -> Content:
    """Copies files atomically, since another process may read them."""
    sizes = []
    for below, file in files_below(source):
        path = target / below if below else target
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        shutil.copyfile(file, part)
        os.replace(part, path)
        sizes.append(path.stat().st_size)
    return _total(sizes)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
