"""Promotions, rollbacks and canaries as writes to a registry: in a folder and a bucket, by several processes."""

import subprocess
import sys

import pytest

from components.registry.registry import Registry
from components.shared.errors import PlumblineError, UsageError

SHARES = """
import sys
from pathlib import Path
from components.registry.registry import Registry
registry = Registry(Path(sys.argv[1]) if "://" not in sys.argv[1] else sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(10):
    if sys.argv[2] == "shadow":
        registry.start_shadow(3 + turn % 2)
    else:
        registry.start_canary(2, (turn + 1) / 10, step=turn)
"""


@pytest.fixture
def pushed(registry, model):
    for name in ("a", "b", "c", "d"):
        registry.push(model(name), {}, alias="none")
    return registry


def test_pushed_versions_wait_with_alias_none(pushed):
    labels = pushed.labels()
    assert (labels.live, labels.previous, pushed.versions()) == (1, None, [1, 2, 3, 4])


def test_canary_is_promoted_and_rolled_back(pushed, place):
    pushed.start_canary(2, 0.05, step=0)
    assert Registry(place.location).labels() == pushed.labels()
    assert (pushed.version_named("canary"), pushed.labels().share) == (2, 0.05)
    assert pushed.promote().live == 2
    back = pushed.rollback()
    assert (back.live, back.previous, back.decided) == (1, None, 2)


def test_versions_that_do_not_exist_are_refused_and_nothing_changes(pushed, place):
    before = place.files()
    for attempt in (
        lambda: pushed.start_canary(9, 0.1),
        lambda: pushed.start_shadow(9),
        lambda: pushed.promote(9),
    ):
        with pytest.raises(UsageError, match="version 9 does not exist; available: 1, 2, 3, 4"):
            attempt()
    assert place.files() == before


def test_canary_that_equals_live_is_refused(pushed, place):
    with pytest.raises(UsageError, match=r"registry.*: version 1: is live, so it cannot be the canary"):
        pushed.start_canary(1, 0.1)


def test_rollback_to_a_removed_version_is_refused(pushed, place):
    pushed.promote(2)
    place.delete("1")
    with pytest.raises(UsageError, match="version 1 does not exist; available: 2, 3, 4"):
        pushed.rollback()
    assert pushed.labels().live == 2


def test_registry_that_does_not_exist_is_not_created(registry, place):
    for attempt in (registry.rollback, registry.promote, registry.stop_canary, lambda: registry.start_canary(1, 0.5)):
        with pytest.raises(UsageError, match="the registry has no version yet"):
            attempt()
    assert place.files() == {}


def test_decision_on_aliases_that_have_changed_is_refused(pushed):
    seen = pushed.start_canary(2, 0.05)
    pushed.stop_canary()
    now = pushed.start_canary(3, 0.05)
    for attempt in (
        lambda: pushed.promote(seen=seen),
        lambda: pushed.rollback(seen=seen),
        lambda: pushed.set_share(0.2, seen=seen),
    ):
        with pytest.raises(PlumblineError, match=r"labels\.json: was changed since"):
            attempt()
    assert pushed.labels() == now
    assert pushed.promote(seen=now).live == 3


def test_two_simultaneous_processes_lose_no_change(pushed, place):
    def started(what: str) -> subprocess.Popen:
        command = [sys.executable, "-c", SHARES, str(place.location), what]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    processes = [started("canary"), started("shadow")]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    labels = pushed.labels()
    assert (labels.live, labels.canary, labels.share, labels.step, labels.shadow) == (1, 2, 1.0, 9, 4)
