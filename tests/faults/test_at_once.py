"""Two and three commands at once on one root."""

import time

import pytest

from tests.faults.invariants import assert_ending, assert_metadata, assert_registry, assert_result, files_below
from tests.faults.recovery import SPAN_AFTER, assert_recovers, prepared
from tests.faults.trials import Trials, count
from tests.faults.workplace import DATASET, FIRST, SECOND, Ended, Running, Workplace


def others(place: Workplace) -> dict[str, tuple[str, ...]]:
    """Commands that may be given while a run is under way."""
    where = ("--dataset", DATASET, "--root", str(place.root))
    return {
        "run": place.run_arguments(SECOND),
        "replay": ("replay", *where, "--from", str(FIRST), "--to", str(SECOND), "--json"),
        "gc": ("gc", *where, "--keep", "0", "--apply"),
        "runs": ("runs", *where),
        "lineage": ("lineage", *where, "live"),
        "drift": ("drift", *where, "--history"),
        "report": ("report", *where),
        "schema update": ("schema", "update", *where, "--accept", "all"),
    }


def assert_between(place: Workplace, before: dict[str, bytes]) -> None:
    """What holds while others are at work."""
    files = {name: content for name, content in files_below(place.registry).items() if name[0] != "."}
    assert_registry(files, before)


@pytest.mark.kind("several at once")
@pytest.mark.parametrize("command", ["run", "gc"])
def test_beside_a_cached_run(place: Workplace, trials: Trials, command: str) -> None:
    """Of two runs one may be refused; it says so, and what comes out is what one alone makes."""
    with trials.one(f"two: run beside {command}"):
        before = prepared(place, "two")
        started = [place.start(*place.run_arguments(SPAN_AFTER["two"])), place.start(*others(place)[command])]
        ended = [one.end() for one in started]
        assert_served_or_refused(ended)
        assert any(one.code == 0 for one in ended)
        assert_recovers(place, "two", before)


def assert_served_or_refused(ended: list[Ended]) -> None:
    """Each did what it was asked, or says in one line that another is at work."""
    for one in ended:
        assert_ending(one, 0, 2)
        if one.code:
            message = one.err.splitlines()[-1]
            assert any(
                word in message for word in ("under way", "metadata", "no run yet", "no version", "no runs found")
            ), message


@pytest.mark.faults
@pytest.mark.kind("several at once")
@pytest.mark.parametrize("number", range(count(4)))
def test_several_at_once(place: Workplace, trials: Trials, number: int) -> None:
    """A run, and one or two other commands again and again while it is under way."""
    state = trials.random.choice(["empty", "one"])
    names = trials.random.sample(sorted(others(place)), 2)
    with trials.one(f"{state}: a run beside {' and '.join(names)}"):
        before = prepared(place, state)
        first = place.start(*place.run_arguments(SPAN_AFTER[state]))
        ended: list[Ended] = []
        while first.process.poll() is None:
            time.sleep(trials.random.uniform(0, 4))
            beside: list[Running] = [place.start(*others(place)[name]) for name in names]
            ended += [one.end() for one in beside]
            assert_between(place, before)
        run = first.end()
        assert_served_or_refused([run, *ended])
        if run.code == 0:
            assert_result(place, run.json, place.reference(SPAN_AFTER[state]))
        assert_metadata(place.home / "metadata.sqlite")


@pytest.mark.faults
@pytest.mark.kind("several at once")
@pytest.mark.parametrize("number", range(count(2)))
def test_a_run_after_another_was_killed_beside_it(place: Workplace, trials: Trials, number: int) -> None:
    """Three runs at once; the one that has the lock is killed, and the next gets it."""
    with trials.one("one: three runs, the first killed"):
        before = prepared(place, "one")
        started = [place.start(*place.run_arguments(SECOND)) for _ in range(3)]
        time.sleep(trials.random.uniform(2, 12))
        for one in started:
            one.process.kill()
        for one in started:
            one.end()
        assert_between(place, before)
        assert_recovers(place, "one", before)
