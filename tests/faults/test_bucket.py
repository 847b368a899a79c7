"""The registry in a bucket: interrupted pushes, errors and timeouts of the store, concurrent pushes, a whole run."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.registry.registry import Registry
from tests.components.registry.bucket_place import BucketPlace
from tests.components.registry.pushing import go, pushing
from tests.components.registry.s3_server import CHANGES
from tests.faults.invariants import Files, assert_ending, assert_registry
from tests.faults.recovery import prepared
from tests.faults.test_killed import a_model
from tests.faults.trials import Trials, count
from tests.faults.workplace import SECOND, Workplace, change_setting

MAX_CHANGES = 18
"""A push of four files makes about that many."""


def assert_bucket(bucket: BucketPlace, before: Files) -> dict[str, bytes]:
    """The registry's invariant on what another client sees; a version without its manifest does not count yet."""
    files = bucket.files()
    assert_registry(_counting(files), _counting(before))
    for version in _begun(files):
        uploaded = [name for name in files if name.startswith(f".pushes/{version}-") and name.endswith("manifest.json")]
        assert uploaded or f"{version}/saved_model.pb" not in files  # else the next push could not finish it
    return files


def _begun(files: Files) -> set[str]:
    """Versions without a manifest."""
    numbers = {name.split("/")[0] for name in files if name.split("/")[0].isdecimal()}
    return {number for number in numbers if f"{number}/manifest.json" not in files}


def _counting(files: Files) -> Files:
    """Without versions that do not count yet."""
    begun = _begun(files)
    return {name: content for name, content in files.items() if name.split("/")[0] not in begun}


def nth_change(number: int, act: Callable[[], Any]) -> Callable[[dict], Any]:
    """A hook of the server: acts at the n-th request that changes something."""
    seen: list[str] = []

    def hook(environ: dict) -> Any:
        if environ["REQUEST_METHOD"] not in CHANGES:
            return None
        seen.append(environ["PATH_INFO"])
        return act() if len(seen) == number else None

    return hook


def quiet(bucket: BucketPlace) -> None:
    """The server as it should be."""
    bucket.server.before = bucket.server.after = lambda environ: None


def numbers(trials: Trials, most: int) -> list[int]:
    """Which changes of a push."""
    every = range(1, MAX_CHANGES + 1)
    return list(every) if most >= MAX_CHANGES else sorted(trials.random.sample(every, most))


@pytest.mark.kind("kill -9 in a push to a bucket")
@pytest.mark.parametrize("most", [2, pytest.param(count(MAX_CHANGES), marks=pytest.mark.faults)])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_push_killed_at_a_change(bucket: BucketPlace, trials: Trials, tmp_path: Path, moment: str, most: int) -> None:
    Registry(bucket.location).push(a_model(tmp_path, "first"), {})
    for number in numbers(trials, most):
        with trials.one(f"push killed {moment} change {number}") as trial:
            before, model = bucket.files(), a_model(tmp_path, f"model-{number}")
            process = pushing(bucket.location, model)

            def kill(process: "subprocess.Popen[str]" = process) -> None:
                os.kill(process.pid, signal.SIGKILL)

            setattr(bucket.server, moment, nth_change(number, kill))
            go(process)
            process.communicate()
            quiet(bucket)
            trial.happened = process.returncode == -9
            assert_bucket(bucket, before)
            version = Registry(bucket.location).push(model, {})
            files = assert_bucket(bucket, before)
            assert f'"live": {version}' in files["labels.json"].decode()


@pytest.mark.kind("failing store")
@pytest.mark.parametrize("most", [1, pytest.param(count(MAX_CHANGES), marks=pytest.mark.faults)])
@pytest.mark.parametrize(
    ("moment", "answer"),
    [
        ("before", (500, "InternalError")),
        ("after", (500, "InternalError")),
        ("before", (403, "AccessDenied")),
        ("before", (507, "InsufficientStorage")),
    ],
    ids=["fails once", "forgets to answer", "refuses", "is full"],
)
def test_a_push_to_a_store_that_fails(
    bucket: BucketPlace, trials: Trials, tmp_path: Path, moment: str, answer: tuple[int, str], most: int
) -> None:
    """Repeated by the client, or told in one line; then pushed again."""
    Registry(bucket.location).push(a_model(tmp_path, "first"), {})
    for number in numbers(trials, most):
        with trials.one(f"change {number} {moment}: {answer}"):
            before, model = bucket.files(), a_model(tmp_path, f"model-{number}")
            setattr(bucket.server, moment, nth_change(number, lambda: answer))
            process = pushing(bucket.location, model)
            go(process)
            process.communicate()
            quiet(bucket)
            assert_bucket(bucket, before)
            version = Registry(bucket.location).push(model, {})
            files = assert_bucket(bucket, before)
            assert f'"live": {version}' in files["labels.json"].decode()


@pytest.mark.kind("several at once")
@pytest.mark.parametrize("pushers", [2, pytest.param(4, marks=pytest.mark.faults)])
def test_pushers_at_once_in_a_bucket(bucket: BucketPlace, trials: Trials, tmp_path: Path, pushers: int) -> None:
    with trials.one(f"{pushers} pushers of 3 models each"):
        models = [[a_model(tmp_path, f"{pusher}-{number}") for number in range(3)] for pusher in range(pushers)]
        started = [pushing(bucket.location, *own) for own in models]
        for process in started:
            go(process)
        got = [int(line) for process in started for line in process.communicate()[0].split()]
        assert [process.returncode for process in started] == [0] * pushers
        assert sorted(got) == list(range(1, 3 * pushers + 1))
        files = assert_bucket(bucket, {})
        assert f'"live": {3 * pushers}' in files["labels.json"].decode()


@pytest.mark.kind("several at once")
@pytest.mark.faults
@pytest.mark.parametrize("number", range(count(2)))
def test_pushers_at_once_and_one_is_killed(bucket: BucketPlace, trials: Trials, tmp_path: Path, number: int) -> None:
    with trials.one("2 pushers, one killed"):
        models = [[a_model(tmp_path, f"{pusher}-{one}") for one in range(3)] for pusher in range(2)]
        started = [pushing(bucket.location, *own) for own in models]
        bucket.server.after = nth_change(trials.random.randint(3, 50), lambda: os.kill(started[0].pid, signal.SIGKILL))
        for process in started:
            go(process)
        for process in started:
            process.communicate()
        quiet(bucket)
        assert started[1].returncode == 0
        assert_bucket(bucket, {})
        version = Registry(bucket.location).push(a_model(tmp_path, "last"), {})
        assert f'"live": {version}' in assert_bucket(bucket, {})["labels.json"].decode()


@pytest.mark.faults
@pytest.mark.kind("kill -9 in a push to a bucket")
@pytest.mark.parametrize("number", range(count(2)))
def test_a_run_killed_while_it_pushes(place: Workplace, bucket: BucketPlace, trials: Trials, number: int) -> None:
    """A whole run whose registry is in a bucket; the next run finishes the push."""
    change = trials.random.randint(2, 20)
    with trials.one(f"run killed after change {change} in its bucket") as trial:
        prepared(place, "one")
        change_setting(place.settings, "registry", "directory", f'"{bucket.location}"')
        environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        under_way = place.start(*place.run_arguments(SECOND), env=environment)
        bucket.server.after = nth_change(change, under_way.process.kill)
        ended = under_way.end()
        quiet(bucket)
        trial.happened = ended.code == -9
        assert_bucket(bucket, {})
        again = place.run(SECOND, env=environment)
        assert_ending(again, 0)
        files = assert_bucket(bucket, {})
        assert f'"live": {again.json["pushed"]}' in files["labels.json"].decode()
        for name, value in place.reference(SECOND)["rows"].items():
            assert again.json["rows"][name] == value
