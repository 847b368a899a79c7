from collections.abc import Callable

import pytest

from components.registry.registry import Registry
from components.shared.errors import UsageError
from serving.errors import ServingError, Status
from serving.models.model_manager import ModelManager
from serving.models.version_states import State
from tests.serving.models.conftest import Managers, step
from tests.serving.models.saved_models import push, row


def answer(manager: ModelManager, **which: object) -> tuple[int, float]:
    """Version that a lease names, and y of x = 3."""
    with (lease := manager.lease("m", **which)) as model:  # type: ignore[arg-type]
        return lease.version, float(model.run("serving_default", row())["y"][0])


def states(manager: ModelManager) -> dict[int, State]:
    return {status.version: status.state for status in manager.statuses("m")}


def test_the_live_version_answers(registry: Registry, managers: Managers) -> None:
    manager = managers(registry.folder)
    assert not manager.ready()
    step(manager)
    assert manager.ready() and manager.ready("m") and not manager.ready("other")
    assert answer(manager) == (1, 3.0)
    assert answer(manager, version=1) == answer(manager, label="live") == (1, 3.0)
    assert states(manager) == {1: State.AVAILABLE}
    assert managers.kinds() == [("loaded", 1), ("switched", 1)]


def test_what_is_not_there_is_refused_as_by_tensorflow_serving(registry: Registry, managers: Managers) -> None:
    manager = managers(registry.folder)
    with pytest.raises(ServingError, match=r"^Servable not found for request: Latest\(m\)$"):
        manager.lease("m")
    with pytest.raises(ServingError, match=r"^Could not find any versions of model m$"):
        manager.statuses("m")
    step(manager)
    with pytest.raises(ServingError, match=r"^Servable not found for request: Latest\(x\)$") as unknown:
        manager.lease("x")
    assert unknown.value.status is Status.NOT_FOUND
    with pytest.raises(ServingError, match=r"^Servable not found for request: Specific\(m, 7\)$"):
        manager.lease("m", version=7)
    with pytest.raises(ServingError, match="^Unrecognized servable version label: canary$") as label:
        manager.lease("m", label="canary")
    assert label.value.status is Status.INVALID_ARGUMENT
    with pytest.raises(ServingError, match="^Could not find version 7 of model m$"):
        manager.statuses("m", 7)
    with pytest.raises(UsageError, match="candidate: is no role of a version; legal: live, canary, shadow, previous"):
        managers(registry.folder, keep=("candidate",))


def test_a_push_is_switched_to_and_the_previous_version_stays(
    registry: Registry, managers: Managers, models: dict
) -> None:
    manager = managers(registry.folder)
    step(manager)
    push(registry, models[2.0])
    step(manager)
    assert answer(manager) == (2, 6.0)
    assert answer(manager, label="previous") == (1, 3.0)
    registry.rollback()
    manager.poll()  # at once: it is in memory
    assert answer(manager) == (1, 3.0)
    assert states(manager) == {2: State.END, 1: State.AVAILABLE}


def test_a_version_is_unloaded_after_its_last_lease(registry: Registry, managers: Managers, models: dict) -> None:
    manager = managers(registry.folder, keep=("live",))
    step(manager)
    first, second = manager.lease("m"), manager.lease("m")
    push(registry, models[2.0])
    step(manager)
    assert states(manager) == {2: State.AVAILABLE, 1: State.UNLOADING}
    assert answer(manager) == (2, 6.0)
    with pytest.raises(ServingError, match="Specific"):
        manager.lease("m", version=1)
    first.release()
    first.release()  # the second call must not end the other lease
    manager.poll()
    assert states(manager)[1] is State.UNLOADING
    with second as model:
        assert model.run("serving_default", row())["y"].tolist() == [3]
    manager.poll()
    assert states(manager) == {2: State.AVAILABLE, 1: State.END}
    assert ("unloaded", 1) in managers.kinds()


def test_a_canary_gets_its_share_and_a_shadow_none(registry: Registry, managers: Managers, models: dict) -> None:
    manager = managers(registry.folder)
    step(manager)
    for factor in (2.0, 3.0):
        registry.push(models[factor], {"run_id": "x"}, alias="none")
    registry.start_canary(2, 0.25)
    registry.start_shadow(3)
    manager.poll()  # the canary is not in memory yet: its share stays with the live version
    assert {manager.route("m", str(key).encode()).arm for key in range(50)} == {"live"}
    aliases = manager.aliases("m")
    assert aliases is not None and (aliases.live, aliases.canary, aliases.share) == (1, None, 0.0)
    assert manager.shadow("m") is None
    step(manager)
    arms = {}
    for key in range(400):
        with (lease := manager.route("m", str(key).encode())) as model:
            assert model.version == {"live": 1, "baseline": 1, "canary": 2}[lease.arm]
            arms[key] = lease.arm
    assert 60 <= list(arms.values()).count("canary") <= 140  # 100 expected; 4.6 standard deviations
    assert arms == {key: manager.route("m", str(key).encode()).arm for key in arms}
    with manager.shadow("m") as model:  # type: ignore[union-attr]
        assert model.version == 3
    registry.set_share(1.0)
    manager.poll()
    assert {manager.route("m", str(key).encode()).arm for key in range(50)} == {"canary"}
    registry.promote()
    manager.poll()
    assert answer(manager) == (2, 6.0)
    assert manager.route("m", b"any").arm == "live"


def test_two_models_do_not_mix(tmp_path: object, registry: Registry, managers: Managers, models: dict) -> None:
    other = Registry(registry.folder.parent / "other")
    push(other, models[3.0])
    manager = ModelManager(
        {"a": registry.folder, "b": other.folder}, cache=managers.cache, report=managers.events.append
    )
    managers.made.append(manager)
    step(manager)
    for name, expected in (("a", 3.0), ("b", 9.0)):
        with manager.lease(name) as model:
            assert (model.name, model.run("serving_default", row())["y"][0]) == (name, expected)


def test_another_registry_at_the_same_place_is_another_model(
    registry: Registry, managers: Managers, models: dict
) -> None:
    manager = managers(registry.folder)
    step(manager)
    registry.folder.rename(registry.folder.parent / "away")
    push(Registry(registry.folder), models[3.0])  # has the number 1, too
    manager.poll()
    assert answer(manager) == (1, 3.0)
    step(manager)
    assert answer(manager) == (1, 9.0)


def test_the_threads_load_and_switch(registry: Registry, managers: Managers, models: dict, wait: Callable) -> None:
    manager = managers(registry.folder, poll_seconds=0.05)
    assert manager.start(timeout=60)
    push(registry, models[2.0])
    wait(lambda: answer(manager) == (2, 6.0))
    manager.stop()
    assert set(states(manager).values()) == {State.END}
    with pytest.raises(ServingError):
        manager.lease("m")
