"""A registry in a bucket: copied to a cache, verified, and used again after a restart."""

import os
import time
from pathlib import Path

import pytest

from components.registry.registry import Registry
from serving.models.registry_watch import RegistryWatch
from tests.components.registry.bucket_place import BucketPlace
from tests.serving.models.conftest import Managers, step
from tests.serving.models.saved_models import push
from tests.serving.models.test_model_manager import answer


@pytest.fixture
def in_bucket(bucket: BucketPlace, models: dict[float, Path]) -> Registry:
    registry = Registry(bucket.location)
    push(registry, models[1.0])
    return registry


def test_a_version_is_copied_once(
    in_bucket: Registry, bucket: BucketPlace, managers: Managers, models: dict, tmp_path: Path
) -> None:
    step(first := managers(bucket.location))
    assert answer(first) == (1, 3.0)
    push(in_bucket, models[2.0])
    step(first)
    assert answer(first) == (2, 6.0)
    gets: list[str] = []

    def seen(environ: dict) -> None:
        if environ["REQUEST_METHOD"] == "GET":
            gets.append(environ["PATH_INFO"])

    bucket.server.before = seen
    step(again := managers(bucket.location))  # as after a restart
    assert answer(again) == (2, 6.0)
    assert not [path for path in gets if "variables" in path or path.endswith("saved_model.pb")]


def test_a_damaged_copy_is_fetched_again(
    in_bucket: Registry, bucket: BucketPlace, managers: Managers, tmp_path: Path
) -> None:
    step(managers(bucket.location))
    (copy,) = managers.cache.glob("*/1-*")
    graph = (copy / "saved_model.pb").read_bytes()
    (copy / "saved_model.pb").write_bytes(graph[:-1])
    step(again := managers(bucket.location))
    assert answer(again) == (1, 3.0)
    assert (copy / "saved_model.pb").read_bytes() == graph


def test_a_damaged_object_never_takes_over(
    in_bucket: Registry, bucket: BucketPlace, managers: Managers, models: dict
) -> None:
    manager = managers(bucket.location)
    step(manager)
    push(in_bucket, models[2.0])
    (name,) = [name for name in bucket.names() if name.startswith("2/variables/variables.data")]
    content = bytearray(bucket.files()[name])
    content[0] ^= 1
    bucket.write(name, bytes(content))
    step(manager)
    assert answer(manager) == (1, 3.0)
    assert "is not the file that was pushed" in managers.messages("refused")[0]
    assert not list(managers.cache.glob("*/2-*"))  # nothing half-copied stays


def test_a_store_that_fails_leaves_the_version_in_memory(
    in_bucket: Registry, bucket: BucketPlace, managers: Managers
) -> None:
    manager = managers(bucket.location)
    step(manager)
    bucket.server.before = lambda environ: (403, "AccessDenied")
    step(manager)
    assert answer(manager) == (1, 3.0)
    assert len(managers.messages("unreadable")) == 1


def test_copies_that_no_role_needs_are_deleted_after_an_hour(
    in_bucket: Registry, bucket: BucketPlace, tmp_path: Path, models: dict
) -> None:
    push(in_bucket, models[2.0])
    watch = RegistryWatch(bucket.location, tmp_path / "cache")
    one, two = watch.verified(1), watch.verified(2)
    watch.sweep([2])
    assert one.is_dir()  # another process may be loading it
    past = time.time() - 4000
    for copy in (one, two):
        os.utime(copy, (past, past))
    watch.sweep([2])
    assert not one.exists() and two.is_dir()
