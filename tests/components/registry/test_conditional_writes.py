"""Stores that honour conditions for sequential writers but not for simultaneous ones."""

import re

import pytest

from components.registry.conditional_writes import WRITERS, refuse_unless_conditional
from components.registry.object_store import ObjectStore
from components.registry.registry import Registry
from components.shared.errors import PlumblineError, UsageError
from tests.components.registry.pushing import go, pushing


@pytest.fixture
def place(bucket):
    return bucket


@pytest.fixture
def store(place):
    return ObjectStore("s3", place.bucket, place.prefix)


def test_conforming_store_passes_and_no_object_is_left(store, place):
    refuse_unless_conditional(store, ".pushes/.try-")
    assert place.files() == {}


@pytest.mark.parametrize(
    ("raced", "named"), [("HTTP_IF_NONE_MATCH", r"If-None-Match: \*"), ("HTTP_IF_MATCH", "If-Match")]
)
def test_store_with_a_race_is_refused_and_the_condition_named(store, place, raced, named):
    place.server.window, place.server.raced = 0.1, (raced,)
    with pytest.raises(
        UsageError, match=f"honours {named} for one writer after the other, not for several at once"
    ) as e:
        refuse_unless_conditional(store, ".pushes/.try-")
    won = re.search(rf"\((\d) of {WRITERS} simultaneous", str(e.value))
    assert won
    assert int(won[1]) > 1
    assert "\n" not in str(e.value)
    assert place.files() == {}


def test_store_with_a_race_honours_sequential_conditions(store, place):
    """A test without simultaneous requests would accept this store."""
    place.server.window = 0.01
    seen = store.create("x", b"1")
    for again in (lambda: store.create("x", b"2"), lambda: store.replace("x", b"3", {"e_tag": '"other"'})):
        with pytest.raises(Exception, match="x"):
            again()
    assert store.replace("x", b"4", seen)


def test_registry_is_not_created_in_a_store_with_a_race(model, place):
    place.server.window, place.server.raced = 0.1, ("HTTP_IF_NONE_MATCH",)
    registry = Registry(place.location)
    with pytest.raises(UsageError, match="not for several at once"):
        registry.push(model("a"), {})
    assert place.files() == {}


def two_at_once(place, model):
    """Exit codes, printed versions and last lines of two processes that push simultaneously."""
    processes = [pushing(place.location, model(name)) for name in "bc"]
    for process in processes:
        go(process)
    printed = [process.communicate()[0].split() for process in processes]
    return [process.returncode for process in processes], printed


def test_two_simultaneous_pushes_in_a_conforming_store(model, place):
    registry = Registry(place.location)
    registry.push(model("a"), {})
    codes, printed = two_at_once(place, model)
    assert codes == [0, 0]
    assert sorted(printed) == [["2"], ["3"]]
    for version in registry.versions():
        registry.verify(version)
    assert registry.labels().live == 3


@pytest.mark.parametrize(
    "raced", [("HTTP_IF_NONE_MATCH",), ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")], ids=["creations", "both"]
)
def test_two_simultaneous_pushes_in_a_store_whose_race_appeared_later(model, place, raced):
    """A push that reports a version finds its own model in it; the other push ends with an error."""
    registry = Registry(place.location)
    registry.push(model("a"), {})
    place.server.window, place.server.raced = 0.1, raced
    codes, printed = two_at_once(place, model)
    place.server.window = 0.0
    numbers = [line[0] for line in printed if line]
    assert len(set(numbers)) == len(numbers) == codes.count(0)  # no version was promised to two
    for code, line, name in zip(codes, printed, "bc", strict=True):
        if code == 0:
            version = int(line[0])
            registry.verify(version)
            assert place.files()[f"{version}/saved_model.pb"].decode() == f"graph of {name}"
    labels = registry.labels()
    registry.verify(labels.live)
    assert registry.versions()[0] == 1
    registry.verify(1)


def test_overwritten_version_does_not_become_live(model, place):
    registry = Registry(place.location)
    registry.push(model("a"), {})
    done = []

    def overwrite(environ: dict) -> None:
        written = environ["REQUEST_METHOD"] == "PUT" and re.search(r"/registry/2/manifest\.json$", environ["PATH_INFO"])
        if written and not done:
            done.append(True)
            place.overwrite("2/saved_model.pb", b"another push's graph")

    place.server.after = overwrite
    with pytest.raises(PlumblineError, match="let two pushes at once take one number") as error:
        registry.push(model("b"), {})
    assert "\n" not in str(error.value)
    assert registry.labels().live == 1
