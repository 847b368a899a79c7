"""Stores that keep a condition for one writer after the other and not for several at once."""

import re

import pytest

from components.registry.conditional_writes import WRITERS, refuse_unless_conditional
from components.registry.object_store import Objects
from components.registry.registry import Registry
from components.shared.errors import PlumblineError, UsageError
from tests.components.registry.pushing import go, pushing


@pytest.fixture
def place(bucket):
    return bucket


@pytest.fixture
def store(place):
    return Objects("s3", place.bucket, place.prefix)


def test_a_good_store_is_taken_and_left_clean(store, place):
    refuse_unless_conditional(store, ".pushes/.try-")
    assert place.files() == {}


@pytest.mark.parametrize(
    ("raced", "named"), [("HTTP_IF_NONE_MATCH", r"If-None-Match: \*"), ("HTTP_IF_MATCH", "If-Match")]
)
def test_a_store_that_races_is_refused_by_name(store, place, raced, named):
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


def test_such_a_store_keeps_its_conditions_one_after_the_other(store, place):
    """What a trial without simultaneous requests would be content with."""
    place.server.window = 0.01
    seen = store.create("x", b"1")
    for again in (lambda: store.create("x", b"2"), lambda: store.replace("x", b"3", {"e_tag": '"other"'})):
        with pytest.raises(Exception, match="x"):
            again()
    assert store.replace("x", b"4", seen)


def test_a_registry_is_not_made_in_such_a_store(model, place):
    place.server.window, place.server.raced = 0.1, ("HTTP_IF_NONE_MATCH",)
    registry = Registry(place.location)
    with pytest.raises(UsageError, match="not for several at once"):
        registry.push(model("a"), {})
    assert place.files() == {}


def two_at_once(place, model):
    """Exit codes, printed versions and last lines of two processes that push at the same moment."""
    processes = [pushing(place.location, model(name)) for name in "bc"]
    for process in processes:
        go(process)
    printed = [process.communicate()[0].split() for process in processes]
    return [process.returncode for process in processes], printed


def test_two_pushers_in_a_good_store(model, place):
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
def test_two_pushers_in_a_store_that_went_bad_after_the_registry_was_made(model, place, raced):
    """Whoever is told that it pushed a version finds its own model in it; the other ends with an error."""
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


def test_a_version_that_another_overwrote_is_not_made_live(model, place):
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
