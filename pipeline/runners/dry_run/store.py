"""Where artifacts are kept between tasks: a folder, a folder that stands in for an object store, or a real one.

`download` and `upload` do what the launcher's do (v2/objectstore): files only. An object store knows no empty folders,
so none comes back.
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
    """How much lies below a URI; nothing there is 0 objects."""

    objects: int = 0
    bytes: int = 0


class ArtifactStore(Protocol):
    """Every method raises OSError or PlumblineError if the store fails."""

    def content(self, uri: str) -> Content:
        """What lies below a URI."""

    def download(self, uri: str, path: Path) -> Content:
        """Copies it to a local path."""

    def upload(self, path: Path, uri: str) -> Content:
        """Copies a local file or folder there."""

    def remove(self, uri: str) -> None:
        """Removes it; no error if there is nothing."""


def files_below(path: Path) -> Iterator[tuple[str, Path]]:
    """(path below, file) for each file of a folder, links followed; ("", path) if the path is a file itself."""
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
    """A folder that every task sees: nothing is copied."""

    def content(self, uri: str) -> Content:
        """See Store."""
        return _measure(folder_of(uri))

    def download(self, uri: str, path: Path) -> Content:
        """Nothing to do: the path is the URI's."""
        return self.content(uri)

    def upload(self, path: Path, uri: str) -> Content:
        """Nothing to do: the path is the URI's."""
        return self.content(uri)

    def remove(self, uri: str) -> None:
        """See Store."""
        _remove(folder_of(uri))


class FolderStore:
    """Objects as files: <base>/<scheme>/<bucket>/<key>."""

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
    """A real object store that speaks S3; where it is and who may come in is in the environment (AWS_…)."""

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
        """The bucket, the key, and the objects below it, or the one at it. One that only begins alike is neither."""
        store, key = _bucket_and_key(uri)
        found = store.list(key)
        if not found and (one := store.stat(key)):  # a listing goes by "/"
            found = [one]
        return store, key, found


class Stores:
    """The store for each URI."""

    def __init__(self, folder: Path, s3: ArtifactStore | None) -> None:
        """`folder` stands in for all object stores, but for a real one that speaks S3 if there is one."""
        self._plain: ArtifactStore = PlainStore()
        self._remote: ArtifactStore = FolderStore(folder)
        self._s3: ArtifactStore = s3 or self._remote

    def of(self, uri: str) -> ArtifactStore:
        """The one that a URI lies in."""
        if not is_remote(uri):
            return self._plain
        return self._s3 if uri.startswith(("s3://", "minio://")) else self._remote


def _bucket_and_key(uri: str) -> tuple[ObjectStore, str]:
    bucket, _, key = uri.partition("://")[2].partition("/")
    return ObjectStore("s3", bucket, ""), key.rstrip("/")


def _copy(source: Path, target: Path) -> Content:
    """Copies files, each of which appears whole: another process may look."""
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
