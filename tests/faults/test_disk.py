"""Disks that are full after a number of bytes, and disks that fail at an operation."""

import errno

import pytest

from tests.faults.file_layer import FileLayer
from tests.faults.invariants import assert_ending, assert_root, files_below
from tests.faults.recovery import SPAN_AFTER, assert_ends_or_recovers, assert_recovers, prepared
from tests.faults.test_killed import LASTING, a_model, chosen, operations, push, whole
from tests.faults.trials import Trials, count
from tests.faults.workplace import Workplace

_written: dict[str, int] = {}


def bytes_written(place: Workplace, state: str) -> int:
    """Bytes that an undisturbed run writes below the root."""
    if state not in _written:
        armed = place.layer.arm(place.root, room=1 << 40)
        ended = place.run(SPAN_AFTER[state], env=armed.environment)
        assert ended.code == 0, ended
        _written[state] = armed.written
        place.restore(state)
    return _written[state]


def full_after(place: Workplace, trials: Trials, state: str, room: int) -> None:
    with trials.one(f"{state}: disk full after {room:,} bytes") as trial:
        before = prepared(place, state)
        armed = place.layer.arm(place.root, room=room, told=1 << 36)
        ended = place.run(SPAN_AFTER[state], env=armed.environment)
        trial.happened = armed.fired
        if armed.fired and ended.code:
            message = ended.err.splitlines()[-1]
            assert str(place.root) in message, f"the place that is full is not named by {message}"
            assert "space" in message or "full" in message, message
        assert_ends_or_recovers(place, state, before, ended)


@pytest.mark.kind("disk full, failing disk")
@pytest.mark.parametrize(("room", "told"), [(20_000, 0), (20_000, 1 << 36)], ids=["seen at once", "seen late"])
def test_a_disk_that_is_full_when_a_run_begins(place: Workplace, trials: Trials, room: int, told: int) -> None:
    """What is free is asked before a run; but others may fill the disk afterwards."""
    with trials.one(f"two: disk full after {room:,} bytes"):
        before = prepared(place, "two")
        armed = place.layer.arm(place.root, room=room, told=told)
        ended = place.run(SPAN_AFTER["two"], env=armed.environment)
        assert armed.fired == bool(told)
        assert_ending(ended, 0, 1, 2)
        assert ended.code == 0 or str(place.root) in ended.err.splitlines()[-1]
        assert_root(place, before)
        assert_recovers(place, "two", before)


@pytest.mark.kind("disk full, failing disk")
def test_a_disk_with_room_for_a_cached_run_only(place: Workplace, trials: Trials) -> None:
    """8 MB: enough for report and backup, less than a quarter of what a run that executes is expected to write."""
    with trials.one("two: 8 MB left, all is cached"):
        before = prepared(place, "two")
        armed = place.layer.arm(place.root, room=8_000_000)
        ended = place.run(SPAN_AFTER["two"], env=armed.environment)
        assert ended.code == 0, ended
        assert {component["state"] for component in ended.json["components"]} == {"cached"}
        assert_root(place, before)
    with trials.one("one: 8 MB left, the run has to execute"):
        before = prepared(place, "one")
        armed = place.layer.arm(place.root, room=8_000_000)
        ended = place.run(SPAN_AFTER["one"], env=armed.environment)
        assert ended.code == 2, ended
        assert len(ended.err.splitlines()) == 1, ended
        assert f"{place.root / 'orders'}: 8 MB free, about 40 MB needed; free some" in ended.err
        assert_root(place, before)
        assert_recovers(place, "one", before)


@pytest.mark.faults
@pytest.mark.kind("disk full, failing disk")
@pytest.mark.parametrize("number", range(count(7)))
def test_a_disk_that_is_full_after_so_many_bytes(place: Workplace, trials: Trials, number: int) -> None:
    state = trials.random.choice(["empty", "one"])
    prepared(place, state)
    room = int(bytes_written(place, state) * trials.random.random())
    full_after(place, trials, state, room)


@pytest.mark.faults
@pytest.mark.kind("disk full, failing disk")
@pytest.mark.parametrize("number", range(count(6)))
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_an_operation_that_fails(place: Workplace, trials: Trials, number: int, code: int) -> None:
    """The one only, or all from then on."""
    state, ops = trials.random.choice(["empty", "one"]), trials.random.choice([LASTING, "open,write,mkdir,truncate"])
    share, on = trials.random.random(), trials.random.random() < 0.5
    with trials.one(f"{state}: errno {code} after {share:.3f} of {ops}{', and all later ones' * on}") as trial:
        before = prepared(place, state)
        every = LASTING + ",open,write,mkdir,truncate"
        total = operations(place, state, every) - operations(place, state, LASTING)
        at = max(1, round(share * (operations(place, state, LASTING) if ops == LASTING else total)))
        place.restore(state)
        armed = place.layer.arm(place.root, at=at, do=code, ops=ops, **({"on": 1} if on else {}))
        ended = place.run(SPAN_AFTER[state], env=armed.environment)
        trial.happened = armed.fired
        assert_ends_or_recovers(place, state, before, ended)


@pytest.mark.kind("disk full, failing disk")
@pytest.mark.parametrize("most", [6, pytest.param(count(60), marks=pytest.mark.faults)])
def test_a_push_onto_a_failing_disk(layer: FileLayer, trials: Trials, tmp_path, most: int) -> None:
    registry = tmp_path / "registry"
    registry.mkdir()
    counted = layer.arm(registry)
    assert push(registry, a_model(tmp_path, "first")).returncode == 0
    assert push(registry, a_model(tmp_path, "counted"), counted).returncode == 0
    for at in chosen(trials, counted, most):
        code = trials.random.choice([errno.EIO, errno.ENOSPC])
        with trials.one(f"push: errno {code} from operation {at} on: {counted.operations[at - 1]}") as trial:
            before = files_below(registry)
            model = a_model(tmp_path, f"model-{at}")
            armed = layer.arm(registry, at=at, do=code, on=1)
            failed = push(registry, model, armed)
            trial.happened = armed.fired
            whole(registry, before)
            assert push(registry, model).returncode == 0, failed.stderr
            whole(registry, before)
            assert not list(registry.glob(".staging*")) + list(registry.glob(".labels*"))
