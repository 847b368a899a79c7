"""kill -9: in a run, in the commands that change something, and in a push."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.components.registry.pushing import PUSH
from tests.faults.file_layer import Armed, FileLayer
from tests.faults.invariants import assert_ending, assert_killed, assert_registry, assert_root, files_below
from tests.faults.recovery import SPAN_AFTER, assert_recovers, prepared
from tests.faults.trials import Trials, count
from tests.faults.workplace import DATASET, PROJECT, SECOND, Workplace, processes_of

LASTING = "rename,sync,remove"
"""Operations by which something comes to last: between two of them lies every write that matters."""


# -- a run ---------------------------------------------------------------------------------------------------------


def killed_at_operation(place: Workplace, trials: Trials, state: str, share: float, ops: str) -> None:
    """Kills a run after that share of the operations that an undisturbed one does."""
    with trials.one(f"{state}: killed after {share:.3f} of its operations ({ops})") as trial:
        before = prepared(place, state)
        at = max(1, round(share * operations(place, state, ops)))
        place.restore(state)
        armed = place.layer.arm(place.root, at=at, do="kill", ops=ops)
        ended = place.run(SPAN_AFTER[state], env=armed.environment)
        trial.happened = armed.fired
        if armed.fired:
            assert_killed(ended)
        assert_root(place, before)
        assert_recovers(place, state, before)


_operations: dict[tuple[str, str], int] = {}


def operations(place: Workplace, state: str, ops: str) -> int:
    """How many there are in an undisturbed run."""
    if (state, ops) not in _operations:
        armed = place.layer.arm(place.root)
        ended = place.run(SPAN_AFTER[state], env=armed.environment)
        assert ended.code == 0, ended
        for chosen in (LASTING, LASTING + ",open,write,mkdir,truncate"):
            found = sum(name in chosen.split(",") for name, _ in armed.operations)
            _operations[state, chosen] = found
    return _operations[state, ops]


@pytest.mark.kind("kill -9 in a run")
def test_a_run_killed_once(place: Workplace, trials: Trials) -> None:
    """In its second half, where the model has been trained: by the clock of its own log."""
    with trials.one("empty: killed while the model is trained") as trial:
        before = prepared(place, "empty")
        armed = place.layer.arm(place.root, at=1, do="kill", ops="rename,write", like="*/artifacts/Trainer/*")
        ended = place.run(SPAN_AFTER["empty"], env=armed.environment)
        trial.happened = armed.fired
        assert_killed(ended)
        assert_root(place, before)
        assert_recovers(place, "empty", before)


@pytest.mark.faults
@pytest.mark.kind("kill -9 in a run")
@pytest.mark.parametrize("number", range(count(6)))
@pytest.mark.parametrize("ops", [LASTING, LASTING + ",open,write,mkdir,truncate"])
def test_a_run_killed_at_an_operation(place: Workplace, trials: Trials, number: int, ops: str) -> None:
    state = trials.random.choice(["empty", "one"])
    killed_at_operation(place, trials, state, trials.random.random(), ops)


@pytest.mark.faults
@pytest.mark.kind("kill -9 in a run")
@pytest.mark.parametrize("number", range(count(4)))
def test_a_run_killed_at_a_moment(place: Workplace, trials: Trials, number: int) -> None:
    state = trials.random.choice(["empty", "one"])
    before = prepared(place, state)
    seconds = trials.random.uniform(0.2, place.reference(SPAN_AFTER[state])["seconds"] + 8)
    with trials.one(f"{state}: killed after {seconds:.1f} s") as trial:
        running = place.start(*place.run_arguments(SPAN_AFTER[state]))
        time.sleep(seconds)
        trial.happened = running.process.poll() is None
        running.process.kill()
        ended = running.end()
        if trial.happened:
            assert_killed(ended)
        assert_root(place, before)
        assert_recovers(place, state, before)


# -- other commands --------------------------------------------------------------------------------------------------


@pytest.mark.kind("kill -9 in other commands")
@pytest.mark.parametrize(
    ("command", "most"),
    [
        pytest.param("init", 3, id="init"),
        pytest.param("schema update", 2, id="schema update"),
        pytest.param("init", count(20), id="init, long", marks=pytest.mark.faults),
        pytest.param("schema update", count(10), id="schema update, long", marks=pytest.mark.faults),
    ],
)
def test_settings_and_schema_are_the_old_or_the_new(place: Workplace, trials: Trials, command: str, most: int) -> None:
    arguments = {
        "init": ("init", "--data", "spans", "--label", "late", "--name", DATASET, "--force"),
        "schema update": ("schema", "update", "--dataset", DATASET, "--accept", "all"),
    }[command]

    def prepare() -> dict[str, bytes]:
        place.restore("empty")
        schema = place.settings.with_name("schema.pbtxt")
        assert '"north"' in schema.read_text()
        schema.write_text(schema.read_text().replace('"north"', '"nord"', 1))  # something to update
        return files_below(place.schemas)

    old = prepare()
    counted = place.layer.arm(place.project)
    assert_ending(place.plumbline(*arguments, env=counted.environment), 0)
    new = files_below(place.schemas)
    assert new != old
    for at in chosen(trials, counted, most):
        with trials.one(f"{command} killed at operation {at}: {counted.operations[at - 1]}"):
            prepare()
            ended = place.plumbline(*arguments, env=place.layer.arm(place.project, at=at, do="kill").environment)
            assert_killed(ended)
            found = files_below(place.schemas)
            for name in old.keys() | new.keys():
                assert found.get(name) in (old.get(name), new.get(name)), f"{name} is neither the old nor the new one"
            again = place.plumbline(*arguments)
            assert_ending(again, 0)
            assert files_below(place.schemas) == new


def chosen(trials: Trials, counted: Armed, most: int) -> list[int]:
    """Numbers of operations to be killed at: all, or the first, the last, and some drawn between."""
    total = counted.counted
    if total <= most:
        return list(range(1, total + 1))
    return sorted({1, total, *trials.random.sample(range(1, total + 1), max(most - 2, 1))})


@pytest.mark.faults
@pytest.mark.kind("kill -9 in other commands")
def test_gc_killed_at_an_operation(place: Workplace, trials: Trials) -> None:
    """What the live version needs is never touched, and the next gc ends what the killed one began."""
    arguments = ("gc", "--dataset", DATASET, "--root", str(place.root), "--keep", "0", "--apply", "--json")
    before = prepared(place, "two")
    (version,) = max(place.registry.glob("2")).parts[-1:]
    labels = place.registry / "labels.json"

    def prepare() -> None:
        place.restore("two")
        # Nothing is in use but version 2: the first run's artifacts can go.
        labels.write_text(labels.read_text().replace('"previous": 1', '"previous": null'))

    prepare()
    counted = place.layer.arm(place.root)
    assert_ending(place.plumbline(*arguments, env=counted.environment), 0)
    assert version == "2"
    assert counted.counted > 5, "nothing was deleted"
    for at in chosen(trials, counted, count(20)):
        with trials.one(f"gc killed at operation {at}: {counted.operations[at - 1]}"):
            prepare()
            assert_killed(place.plumbline(*arguments, env=place.layer.arm(place.root, at=at, do="kill").environment))
            assert_root(place, before)
            again = place.plumbline(*arguments)
            assert_ending(again, 0)
            assert_root(place, before)
            left = place.plumbline(*arguments[:-2], "--json")
            assert left.json["folders"] == [] == left.json["artifacts"], "gc leaves something to gc"
            if at % 4 == 0:
                assert_recovers(place, "two", before)


# -- a push ----------------------------------------------------------------------------------------------------------


def push(registry: Path, model: Path, armed: Armed | None = None) -> "subprocess.CompletedProcess[str]":
    """A process that pushes one model."""
    return subprocess.run(
        [sys.executable, "-c", PUSH, str(registry), str(model)],
        input="go\n", capture_output=True, text=True, cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT), "PATH": "", **(armed.environment if armed else {})},
    )  # fmt: skip


def a_model(folder: Path, name: str) -> Path:
    """Files as of a SavedModel; the registry never looks inside."""
    for file in ("saved_model.pb", "variables/variables.data", "assets/model_version", "assets.extra/about.json"):
        (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / file).write_text(f"{file} of {name}\n" * 500)
    return folder / name


@pytest.mark.kind("kill -9 in a push")
@pytest.mark.parametrize("most", [8, pytest.param(count(60), marks=pytest.mark.faults)])
def test_a_push_killed_at_an_operation(layer: FileLayer, trials: Trials, tmp_path: Path, most: int) -> None:
    registry = tmp_path / "registry"
    counted = layer.arm(registry)
    registry.mkdir()
    assert push(registry, a_model(tmp_path, "first")).returncode == 0
    assert push(registry, a_model(tmp_path, "counted"), counted).returncode == 0
    for at in chosen(trials, counted, most):
        with trials.one(f"push killed at operation {at}: {counted.operations[at - 1]}") as trial:
            before = files_below(registry)
            model = a_model(tmp_path, f"model-{at}")
            armed = layer.arm(registry, at=at, do="kill")
            assert push(registry, model, armed).returncode == (-9 if armed.fired else 0)
            trial.happened = armed.fired
            whole(registry, before)
            again = push(registry, model)
            assert again.returncode == 0, again.stderr
            whole(registry, before)
            labels = (registry / "labels.json").read_text()
            assert f'"live": {again.stdout.split()[-1]}' in labels
            assert not list(registry.glob(".staging*")) + list(registry.glob(".labels*"))


def whole(registry: Path, before: dict[str, bytes]) -> None:
    """The registry's invariant, folders on their way in and temporary files aside."""
    assert_registry({name: content for name, content in files_below(registry).items() if name[0] != "."}, before)


@pytest.mark.faults
@pytest.mark.kind("kill -9 in a run")
@pytest.mark.parametrize("number", range(count(2)))
def test_a_push_of_a_run_killed_and_another_version_pushed(place: Workplace, trials: Trials, number: int) -> None:
    """Killed within the push; the version before stays live until the next run makes the new one so."""
    at = trials.random.randint(1, 30)
    with trials.one(f"run killed at operation {at} of its push") as trial:
        before = prepared(place, "one")
        armed = place.layer.arm(place.registry, at=at, do="kill")
        ended = place.run(SECOND, env=armed.environment)
        trial.happened = armed.fired
        assert not processes_of(ended.trial)
        assert_root(place, before)
        assert_recovers(place, "one", before)
        assert '"live": 2' in (place.registry / "labels.json").read_text()
