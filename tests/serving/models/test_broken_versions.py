"""Damaged versions and registries: the version in memory goes on answering, and the reason is reported once."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.registry.registry import Registry
from components.shared.serving.serving_contract import WARMUP_REQUESTS
from serving.models import model_manager
from serving.models.version_states import State
from tests.serving.models.conftest import Managers, step
from tests.serving.models.saved_models import push, row, write_model
from tests.serving.models.test_model_manager import answer
from tests.serving.models.test_warmup import predict_log, record


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _half_written(version: Path) -> None:
    (version / "manifest.json").unlink()


def _flipped(version: Path) -> None:
    flip(version / "variables" / "variables.data-00000-of-00001")


def _file_missing(version: Path) -> None:
    (version / "saved_model.pb").unlink()


def _file_added(version: Path) -> None:
    (version / "assets" / "more.txt").write_text("")


def _manifest_cut(version: Path) -> None:
    (version / "manifest.json").write_text('{"files": {"saved_mo')


def _all_gone(version: Path) -> None:
    shutil.rmtree(version)


FAULTS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "half-written": (_half_written, "NOT_FOUND", "manifest.json"),
    "flipped bit": (_flipped, "DATA_LOSS", "variables.data-00000-of-00001: is not the file that was pushed"),
    "missing file": (_file_missing, "DATA_LOSS", "saved_model.pb: is not the file that was pushed"),
    "additional file": (_file_added, "DATA_LOSS", "more.txt: is not the file that was pushed"),
    "manifest cut off": (_manifest_cut, "NOT_FOUND", "manifest.json: cannot be read"),
    "removed": (_all_gone, "NOT_FOUND", "version 2 does not exist"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_version_never_takes_over(
    registry: Registry, managers: Managers, models: dict, fault: str, tmp_path: Path
) -> None:
    damage, code, message = FAULTS[fault]
    manager = managers(registry.folder)
    step(manager)
    version = registry.folder / str(push(registry, models[2.0]))
    intact = shutil.copytree(version, tmp_path / "intact")
    damage(version)
    for _ in range(3):
        step(manager)
    assert answer(manager) == (1, 3.0)
    (status,) = manager.statuses("m", 2)
    assert (status.state, status.error_code) == (State.END, code)
    assert message in status.error_message
    assert "\n" not in status.error_message
    (reported,) = managers.messages("refused")  # once, not at each poll
    assert message in reported and reported.endswith("version 1 goes on answering")
    shutil.rmtree(version, ignore_errors=True)
    shutil.copytree(intact, version)  # repaired: its files changed, so it is tried again
    step(manager)
    assert answer(manager) == (2, 6.0)
    assert manager.statuses("m", 2)[0].state is State.AVAILABLE


def test_a_file_that_tensorflow_cannot_load_never_takes_over(
    registry: Registry, managers: Managers, tmp_path: Path
) -> None:
    manager = managers(registry.folder)
    step(manager)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "saved_model.pb").write_bytes(b"\xff\xff no protocol buffer")
    push(registry, tmp_path / "bad")
    step(manager)
    assert answer(manager) == (1, 3.0)
    assert manager.statuses("m", 2)[0].error_code != "OK"
    assert len(managers.messages("refused")) == 1


def test_a_version_whose_variables_are_cut_off_never_takes_over(
    registry: Registry, managers: Managers, models: dict, tmp_path: Path
) -> None:
    # Its checksums are right: the file was damaged before it was pushed.
    manager = managers(registry.folder)
    step(manager)
    bad = shutil.copytree(models[2.0], tmp_path / "bad")
    data = bad / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:2])
    push(registry, bad)
    step(manager)
    assert answer(manager) == (1, 3.0)
    assert managers.messages("refused")


def test_a_version_that_refuses_its_recorded_requests_never_takes_over(
    registry: Registry, managers: Managers, tmp_path: Path
) -> None:
    manager = managers(registry.folder)
    step(manager)
    folder = write_model(tmp_path / "new" / "model", 2.0, refused=10.0)
    record(folder, predict_log([11.0]), predict_log([9.0]))
    push(registry, folder)
    step(manager)
    assert answer(manager) == (1, 3.0)
    (status,) = manager.statuses("m", 2)
    assert status.error_message == "the warm-up failed: x: below the least legal value"
    assert (folder / WARMUP_REQUESTS).is_file()


def test_a_failed_version_is_tried_again_after_a_while(
    registry: Registry, managers: Managers, models: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The cause may be outside of its files, such as memory.
    manager = managers(registry.folder)
    step(manager)
    load, attempts = model_manager.load_version, []

    def scarce(*given: Any) -> Any:
        attempts.append(given)
        if len(attempts) < 3:
            raise MemoryError("cannot allocate")
        return load(*given)

    monkeypatch.setattr(model_manager, "load_version", scarce)
    push(registry, models[2.0])
    step(manager)
    step(manager)
    assert len(attempts) == 1  # not at each poll
    monkeypatch.setattr(model_manager, "FIRST_RETRY", -1.0)
    manager._models["m"].failures.clear()
    step(manager)
    assert answer(manager) == (2, 6.0)
    assert len(managers.messages("refused")) == 2


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"id": "x", "live": "two"}', b'{"unknown": 1}', b""])
def test_unreadable_labels_leave_the_version_in_memory(registry: Registry, managers: Managers, content: bytes) -> None:
    manager = managers(registry.folder)
    step(manager)
    labels = registry.folder / "labels.json"
    good = labels.read_bytes()
    labels.write_bytes(content)
    for _ in range(3):
        step(manager)
    assert answer(manager) == (1, 3.0)
    (reported,) = managers.messages("unreadable")
    assert "labels.json" in reported and reported.endswith("the versions in memory go on answering")
    labels.write_bytes(good)
    step(manager)
    assert len(managers.messages("readable")) == 1


def test_a_registry_that_vanishes_leaves_the_version_in_memory(registry: Registry, managers: Managers) -> None:
    manager = managers(registry.folder)
    step(manager)
    shutil.rmtree(registry.folder)
    step(manager)
    assert answer(manager) == (1, 3.0)
    assert "there is no registry" in managers.messages("unreadable")[0]


def test_a_version_removed_from_disk_goes_on_answering(registry: Registry, managers: Managers) -> None:
    manager = managers(registry.folder)
    step(manager)
    shutil.rmtree(registry.folder / "1")
    step(manager)
    assert answer(manager) == (1, 3.0)
    assert manager.statuses("m")[0].state is State.AVAILABLE
    assert not managers.messages("refused")


def test_a_version_that_changes_while_it_is_loaded_is_refused(
    registry: Registry, managers: Managers, models: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.models import warmup

    manager = managers(registry.folder)
    step(manager)
    version = registry.folder / str(push(registry, models[2.0]))
    warm_up = warmup.warm_up

    def overwritten(*given: Any) -> Any:  # after the checksums were compared
        flip(version / "assets" / "vocabulary.txt")
        return warm_up(*given)

    monkeypatch.setattr(warmup, "warm_up", overwritten)
    step(manager)
    assert answer(manager) == (1, 3.0)
    assert "was changed while it was loaded" in managers.messages("refused")[0]


def test_without_any_intact_version_the_model_is_not_ready(registry: Registry, managers: Managers) -> None:
    flip(registry.folder / "1" / "saved_model.pb")
    manager = managers(registry.folder, poll_seconds=0.05)
    assert not manager.start(timeout=60)
    assert managers.messages("refused")[0].endswith("no version answers")


def test_a_models_outputs_are_not_those_of_another_version(
    registry: Registry, managers: Managers, models: dict
) -> None:
    manager = managers(registry.folder)
    push(registry, models[3.0])
    step(manager)
    with manager.lease("m", version=1) as one, manager.lease("m", version=2) as two:
        np.testing.assert_array_equal(
            one.run("serving_default", row())["y"] * 3, two.run("serving_default", row())["y"]
        )
