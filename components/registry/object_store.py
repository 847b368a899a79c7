"""A client for the objects below one URL of an object store, based on obstore; errors are one line each.

Settings come from the environment:

    s3://  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL (MinIO, Ceph, R2;
           http:// is allowed), or the web identity or instance role of the pod. ~/.aws is not read.
    gs://  GOOGLE_APPLICATION_CREDENTIALS, or the pod's workload identity
    az://  AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or a workload identity; the bucket is the container

A request is retried a few times; without a response it fails within about half a minute.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from components.shared.errors import UsageError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig
    from obstore.store import ObjectStore as Connection

CHUNK = 8 << 20
"""Bytes per request, so that large files do not need a long time-out."""
LARGEST_COPY = 5 << 30
"""S3's limit for copying an object in one request."""
AT_ONCE = 8
"""Parallel requests."""

CLIENT: "ClientConfig" = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}
RETRIES: "RetryConfig" = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=2), "base": 2},
}

Got = TypeVar("Got")


class PreconditionFailed(Exception):
    """A conditional write failed, because the object exists or has changed."""


@dataclass(frozen=True)
class ObjectInfo:
    """An object in a listing.

    Attributes:
      name: Name relative to the prefix.
      bytes: Size in bytes.
      modified: Time of its last change by the store's clock.
    """

    name: str
    bytes: int
    modified: datetime


@dataclass(frozen=True)
class ObjectStore:
    """The objects of a bucket below a prefix. Names are relative to the prefix.

    Attributes:
      scheme: s3, gs or az.
      bucket: Name of the bucket; for az, of the container.
      prefix: Prefix of the keys without "/" at its ends; may be empty.

    Raises:
      UsageError: Every method: the bucket does not exist, access is denied, the store does not respond or is full.
    """

    scheme: str
    bucket: str
    prefix: str

    def shown(self, name: str = "") -> str:
        """Returns the URL of an object, or of the prefix."""
        return "/".join(part for part in (f"{self.scheme}://{self.bucket}", self.prefix, name) if part)

    def read(self, name: str) -> tuple[bytes, dict[str, str]] | None:
        """Returns content and state (ETag or generation) of an object; None if it does not exist."""

        def request() -> tuple[bytes, dict[str, str]]:
            result = self._obstore.get(self._store, name)
            return bytes(result.bytes()), _identity(result.meta)

        return self._call(name, request, none_if_gone=True)

    def create(self, name: str, content: bytes) -> dict[str, str]:
        """Creates an object and returns its state; raises Taken if it exists."""
        return self._conditional(name, content, "create")

    def replace(self, name: str, content: bytes, seen: dict[str, str]) -> dict[str, str]:
        """Replaces an object if its state is `seen`, else raises Taken; returns the new state."""
        return self._conditional(name, content, seen)

    def upload(self, name: str, source: Path) -> None:
        """Uploads a file, in parts if it is large; the object appears atomically."""
        put = self._obstore.put
        self._call(name, lambda: put(self._store, name, source, chunk_size=CHUNK, max_concurrency=4))

    def write(self, name: str, content: bytes) -> None:
        """Writes an object unconditionally."""
        self._call(name, lambda: self._obstore.put(self._store, name, content))

    def copy(self, source: str, target: str) -> bool:
        """Copies an object within the store; returns False if the source does not exist."""
        return self._call(source, lambda: self._obstore.copy(self._store, source, target) or True, True) or False

    def delete(self, name: str) -> None:
        """Deletes an object if it exists."""
        self._call(name, lambda: self._obstore.delete(self._store, name), none_if_gone=True)

    def list(self, below: str = "") -> list[ObjectInfo]:
        """Lists all objects below a path, sorted by name."""

        def request() -> list[ObjectInfo]:
            pages = self._obstore.list(self._store, below or None, chunk_size=1000)
            return [
                ObjectInfo(one["path"], one["size"], one["last_modified"])
                for page in pages
                for one in page
                if one["path"]  # the prefix itself may be an object: a folder created in a console
            ]

        return sorted(self._call(below, request) or [], key=lambda one: one.name)

    def stat(self, name: str) -> ObjectInfo | None:
        """Returns an object as in a listing; None if it does not exist, or if the bucket does not."""

        def request() -> ObjectInfo | None:
            try:
                one = self._obstore.head(self._store, name)
            except FileNotFoundError:
                return None
            return ObjectInfo(one["path"], one["size"], one["last_modified"])

        return self._call(name, request)

    def chunks(self, one: ObjectInfo) -> Iterator[bytes]:
        """Yields the content of a listed object in parts; raises FileNotFoundError if it was deleted."""
        for start in range(0, one.bytes, CHUNK):
            end = min(start + CHUNK, one.bytes)
            part = self._call(one.name, partial(self._part, one.name, start, end), none_if_gone=True)
            if part is None:
                raise FileNotFoundError(self.shown(one.name))
            yield part

    def sha256(self, one: ObjectInfo, into: Path | None = None) -> str:
        """Returns the hexadecimal SHA-256 of a listed object's content; also writes the content to the file `into`."""
        digest = hashlib.sha256()
        file = into.open("wb") if into else None
        try:
            for part in self.chunks(one):
                digest.update(part)
                if file:
                    file.write(part)
        finally:
            if file:
                file.close()
        return digest.hexdigest()

    def _part(self, name: str, start: int, end: int) -> bytes:
        return bytes(self._obstore.get_range(self._store, name, start=start, end=end))

    # -- helpers -------------------------------------------------------------------------------------------------

    @property
    def _obstore(self) -> Any:
        """The obstore module; raises UsageError if it is not installed."""
        try:
            import obstore
        except ImportError as exc:
            raise UsageError(
                f"{self.shown()}: a registry in a bucket needs the extra `cloud`: pip install 'plumbline[cloud]'"
            ) from exc
        return obstore

    @property
    def _store(self) -> "Connection":
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "") if self.scheme == "s3" else ""
        if endpoint and not re.match(r"https?://[^/]", endpoint):  # obstore would panic
            raise UsageError(f"AWS_ENDPOINT_URL: '{endpoint}' is not an address such as https://HOST:PORT")
        settings = (self, *(os.environ.get(name) for name in _ENVIRONMENT))
        if settings not in _STORES:
            _STORES[settings] = self._opened(allow_http=endpoint.startswith("http://"))
        return _STORES[settings]

    def _opened(self, allow_http: bool) -> "Connection":
        from obstore import exceptions
        from obstore.store import AzureStore, GCSStore, S3Store

        client: ClientConfig = {**CLIENT, "allow_http": True} if allow_http else CLIENT
        kind: Any = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}[self.scheme]
        try:
            return kind(self.bucket, prefix=self.prefix or None, client_options=client, retry_config=RETRIES)
        except (exceptions.BaseError, ValueError) as exc:
            raise UsageError(
                f"{self.shown()}: cannot be opened ({_first_line(exc)}); set {_CREDENTIALS[self.scheme]}"
            ) from exc

    def _conditional(self, name: str, content: bytes, mode: Any) -> dict[str, str]:
        exceptions = self._obstore.exceptions

        def request() -> dict[str, str]:
            try:
                # One request, because stores differ in how conditions apply to multipart uploads.
                put = self._obstore.put
                return _identity(put(self._store, name, content, mode=mode, use_multipart=False))
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as exc:
                raise PreconditionFailed(name) from exc

        found = self._call(name, request)
        assert found is not None
        return found

    def _call(self, name: str, request: Callable[[], Got], none_if_gone: bool = False) -> Got | None:
        exceptions = self._obstore.exceptions
        try:
            return request()
        except FileNotFoundError as exc:
            # In S3, other errors have status 404, too, such as that of a missing bucket.
            if none_if_gone and not _no_bucket(exc) and (self.scheme != "s3" or "<Code>NoSuchKey<" in str(exc)):
                return None
            raise self._error(name, exc) from exc
        except (exceptions.BaseError, ValueError) as exc:
            raise self._error(name, exc) from exc

    def _error(self, name: str, error: Exception) -> UsageError:
        """Describes an error in one line: what, where, what to do."""
        from obstore import exceptions

        url, line = self.shown(name), _first_line(error)
        code = re.search(r"<Code>(\w+)</Code>", str(error))
        message = re.search(r"<Message>([^<]*)</Message>", str(error))
        short = ": ".join(one[1] for one in (code, message) if one) or line
        if _no_bucket(error):
            return UsageError(f"{url}: there is no bucket '{self.bucket}'; make it, or correct the URL")
        denied = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
        if isinstance(error, denied) or re.search(r"status code: 40[13]\b", line):
            return UsageError(
                f"{url}: access denied ({short}); check {_CREDENTIALS[self.scheme]} and their permissions"
            )
        if "169.254.169.254" in str(error) or "metadata.google" in str(error):
            return UsageError(f"{url}: no credentials; set {_CREDENTIALS[self.scheme]}")
        if re.search(r"HTTP error: (error sending request|request or response body error)", line):
            return UsageError(f"{url}: no answer ({short}); check the network{_ENDPOINTS.get(self.scheme, '')}")
        hint = "" if code else f"; check the URL{_ENDPOINTS.get(self.scheme, '')}"
        return UsageError(f"{url}: {short}{hint}")


def parallel_map(function: Callable[[Any], Got], items: Any) -> Iterator[Got]:
    """Like `map`, with a few requests in parallel; yields results in order and raises the first error."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(function, items)


_STORES: dict[Any, "Connection"] = {}
"""Open clients with their connections, by location and settings."""

_ENVIRONMENT = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION")

_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_ENDPOINTS = {"s3": " and AWS_ENDPOINT_URL"}


def _identity(meta: Any) -> dict[str, str]:
    """State of an object for conditional writes: S3 compares the ETag, Google Cloud Storage the generation."""
    return {key: meta[key] for key in ("e_tag", "version") if meta.get(key)}


def _no_bucket(error: Exception) -> bool:
    return bool(re.search(r"NoSuchBucket|bucket does not exist|ContainerNotFound", str(error)))


def _first_line(error: Exception) -> str:
    """The first line of an obstore error without the URL of the request, which is long and may be signed."""
    line = str(error).split("\n", 1)[0]
    return re.sub(r"^.*?Error performing (\w+) \S+ in [^-]*- ", r"\1: ", line)[:300].strip()
