"""Where artifacts are kept between tasks: a folder, a folder that stands in for an object store, or a real one.

`download` and `upload` do what the launcher's do (v2/objectstore): files only. An object store knows no empty folders,
so none comes back.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.dry_run.places import folder_of, is_remote


@dataclass(frozen=True)
class Content:
    """How much lies below a URI; nothing there is 0 objects."""

    objects: int = 0
    bytes: int = 0


class Store(Protocol):
    """Every method raises OSError or the store's own error if the store fails."""

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
    sizes = [file.stat().st_size for _, file in files_below(path)]
    return Content(len(sizes), sum(sizes))


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
        sizes = [size for _, size in self._objects(uri)]
        return Content(len(sizes), sum(sizes))

    def download(self, uri: str, path: Path) -> Content:
        """See Store."""
        bucket, key = _bucket_and_key(uri)
        store, count, total = self._store(bucket), 0, 0
        for name, size in self._objects(uri):
            below = name[len(key) :].lstrip("/")
            target = path / below if below else path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for chunk in store.read(name):
                    file.write(chunk)
            count, total = count + 1, total + size
        return Content(count, total)

    def upload(self, path: Path, uri: str) -> Content:
        """See Store."""
        bucket, key = _bucket_and_key(uri)
        store, count, total = self._store(bucket), 0, 0
        for below, file in files_below(path):
            store.put(f"{key}/{below}" if below else key, file)
            count, total = count + 1, total + file.stat().st_size
        return Content(count, total)

    def remove(self, uri: str) -> None:
        """See Store."""
        names = [name for name, _ in self._objects(uri)]
        if names:
            self._store(_bucket_and_key(uri)[0]).delete(names)

    def _objects(self, uri: str) -> Iterator[tuple[str, int]]:
        bucket, key = _bucket_and_key(uri)
        for batch in self._store(bucket).below(key):
            for one in batch:
                yield one["path"], one["size"]

    def _store(self, bucket: str) -> "_Bucket":
        return _Bucket(bucket)


class _Bucket:
    """One bucket through obstore, which is an optional dependency: imported here only."""

    def __init__(self, bucket: str) -> None:
        from obstore.store import S3Store as Client

        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        options = {"allow_http": True} if endpoint.startswith("http://") else {}
        self._client = Client(bucket, client_options=options)  # type: ignore[arg-type]

    def below(self, prefix: str) -> Iterator[list[dict]]:
        """Objects below a key, or the one at it; batches of {path, size}. A key that only begins alike is neither."""
        batches = [[dict(one) for one in batch] for batch in self._client.list(prefix=prefix)]
        if not any(batches):
            # The listing goes by "/": an object of exactly that name is looked up by itself.
            try:
                batches = [[dict(self._client.head(prefix))]]
            except FileNotFoundError:
                return
        yield from batches

    def read(self, name: str) -> Iterator[bytes]:
        """An object's bytes in chunks."""
        for chunk in self._client.get(name).stream():
            yield bytes(chunk)

    def put(self, name: str, file: Path) -> None:
        """Stores a file; it appears whole or not at all."""
        self._client.put(name, file)

    def delete(self, names: list[str]) -> None:
        """Removes objects."""
        self._client.delete(names)


class Stores:
    """The store for each URI."""

    def __init__(self, folder: Path, s3: Store | None) -> None:
        """`folder` stands in for all object stores, but for a real one that speaks S3 if there is one."""
        self._plain: Store = PlainStore()
        self._remote: Store = FolderStore(folder)
        self._s3: Store = s3 or self._remote

    def of(self, uri: str) -> Store:
        """The one that a URI lies in."""
        if not is_remote(uri):
            return self._plain
        return self._s3 if uri.startswith(("s3://", "minio://")) else self._remote


def _bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key.rstrip("/")


def _copy(source: Path, target: Path) -> Content:
    """Copies files, each of which appears whole: another process may look."""
    count = total = 0
    for below, file in files_below(source):
        path = target / below if below else target
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        shutil.copyfile(file, part)
        os.replace(part, path)
        count, total = count + 1, total + file.stat().st_size
    return Content(count, total)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
