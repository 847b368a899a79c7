"""Error messages of an unusable object store: one line, without a long delay."""

import re
import socket
import sys

import pytest

from components.registry.backend_selection import open_backend
from components.registry.registry import Registry
from components.shared.errors import UsageError


def told(location: str, model) -> set[str]:
    """Messages of reading, creating and pushing."""
    registry = Registry(location)
    messages = set()
    for ask in (registry.labels, registry.versions, registry.create, lambda: registry.push(model("a"), {})):
        with pytest.raises(UsageError) as error:
            ask()
        message = str(error.value)
        assert "\n" not in message
        assert len(message) < 400
        assert message.startswith(location)
        messages.add(re.sub(r"^\S+: ", "", message))
    return messages


def test_missing_bucket(bucket, model):
    assert told("s3://nowhere/r", model) == {"there is no bucket 'nowhere'; make it, or correct the URL"}


def test_wrong_keys(bucket, model):
    with bucket.server.checking_keys():
        for message in told(bucket.location, model):
            assert message.startswith("access denied (InvalidAccessKeyId")
            assert "check AWS_ACCESS_KEY_ID" in message


def test_no_keys(bucket, model, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    for message in told(bucket.location, model):
        assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in message


def test_endpoint_without_a_listener(bucket, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but it does not listen
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(UsageError, match="no answer .*check the network and AWS_ENDPOINT_URL") as error:
            Registry(bucket.location).create()
    assert "\n" not in str(error.value)


def test_endpoint_that_is_not_an_object_store(bucket, monkeypatch):
    bucket.server.before = lambda environ: (404, "NotFound")
    with pytest.raises(UsageError, match="NotFound") as error:
        Registry(bucket.location).labels()  # not None, which would mean that there is no registry yet
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "http://", "ftp://x"])
def test_endpoint_that_is_not_an_address(bucket, monkeypatch, endpoint):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(UsageError, match=r"AWS_ENDPOINT_URL: '.*' is not an address such as https://HOST:PORT"):
        Registry(bucket.location).labels()


def test_without_the_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(UsageError, match=r"^s3://b/r: .*needs the extra `cloud`: pip install 'plumbline\[cloud\]'$"):
        Registry("s3://b/r").labels()


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://host/r", "legal: a folder, file:///FOLDER, s3://BUCKET/PATH, gs://BUCKET/PATH, az://BUCKET/PATH"),
        ("s3:///r", "not a location of a registry"),
        ("s3://user@b/r", "holds credentials"),
        ("file://host/r", "not a location of a registry"),
        ("s3://b/r?region=x", "has no query"),
        ("minio://b/r", "give s3://b/r and set AWS_ENDPOINT_URL"),
    ],
)
def test_invalid_locations(location, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        open_backend(location)


@pytest.mark.parametrize("location", ["s3://b", "s3://b/", "gs://b/a/b/", "az://c/r"])
def test_location_is_displayed_without_a_request(location):
    assert Registry(location).where == location.rstrip("/")
