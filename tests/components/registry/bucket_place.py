"""A separate bucket for each test, on a server that the tests of a folder share. Import the fixtures to use them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

_numbers = itertools.count()


@dataclass
class BucketPlace:
    """Objects of a registry, read by another client than the one under test."""

    bucket: str
    prefix: str
    server: Any
    client: Any

    @property
    def location(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def files(self) -> dict[str, bytes]:
        """Returns the content of every object."""
        return {
            key: self.client.get_object(Bucket=self.bucket, Key=self._key(key))["Body"].read() for key in self.names()
        }

    def write(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content)

    def delete(self, name: str) -> None:
        """Deletes an object, or all below a path."""
        for key in self.names():
            if key == name or key.startswith(f"{name}/"):
                self.client.delete_object(Bucket=self.bucket, Key=self._key(key))

    def age(self, days: float) -> None:
        """Moves the time of every object into the past."""
        from moto.s3.models import s3_backends

        for account in s3_backends.values():
            for key in account["aws"].buckets[self.bucket].keys.values():
                key.last_modified -= timedelta(days=days)

    def lose(self, name: str) -> None:
        """Deletes an object from within the server, for its hooks."""
        from moto.s3.models import s3_backends

        for account in s3_backends.values():
            account["aws"].delete_object(self.bucket, self._key(name))

    def overwrite(self, name: str, content: bytes) -> None:
        """Writes an object from within the server, for its hooks."""
        from moto.s3.models import s3_backends

        for account in s3_backends.values():
            account["aws"].put_object(self.bucket, self._key(name), content)

    def names(self) -> list[str]:
        """Returns the names of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/")
        keys = (found["Key"] for page in pages for found in page.get("Contents", []))
        return [key.removeprefix(f"{self.prefix}/") for key in keys]

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Any]:
    pytest.importorskip("obstore")
    from tests.components.registry.s3_server import S3Server

    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketPlace]:
    """An empty prefix in a separate bucket; its path is not ASCII."""
    from tests.components.registry.s3_server import client

    settings = {"ENDPOINT_URL": s3_server.url, "ACCESS_KEY_ID": "t", "SECRET_ACCESS_KEY": "t", "REGION": "us-east-1"}
    for name, value in settings.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    place = BucketPlace(f"bucket-{next(_numbers)}", "modèles/日本/registry", s3_server, client(s3_server))
    place.client.create_bucket(Bucket=place.bucket)
    yield place
    s3_server.window, s3_server.raced = 0.0, ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")
    s3_server.before, s3_server.after = (lambda environ: None), (lambda environ: None)
