"""Swaps while requests run, and processes that are killed while they swap."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from components.registry.registry import Registry
from serving.models.version_states import State
from tests.serving.models.conftest import Managers
from tests.serving.models.saved_models import push, row

SWAPS = 100
THREADS = 8

SERVER = """
import sys
from pathlib import Path
import numpy as np
from serving.models.model_manager import ModelManager
manager = ModelManager({"m": sys.argv[1]}, cache=Path(sys.argv[2]), keep=("live",), poll_seconds=0.01)
if not manager.start(timeout=120):
    sys.exit("not ready")
x = {"x": np.array([3.0], np.float32)}
while True:
    with (lease := manager.lease("m")) as model:
        print(lease.version, int(model.run("serving_default", x)["y"][0]), flush=True)
"""


def test_100_swaps_lose_no_request_and_every_answer_is_its_versions(
    registry: Registry, managers: Managers, models: dict
) -> None:
    manager = managers(registry.folder, keep=("live",), poll_seconds=0.01)
    push(registry, models[2.0])
    assert manager.start(timeout=60)
    wrong: list[object] = []
    answered: dict[int, int] = {1: 0, 2: 0}
    ended = threading.Event()

    def requests() -> None:
        draw = random.Random(threading.get_ident())
        while not ended.is_set():
            x = float(draw.randrange(1, 1000))
            try:
                with (lease := manager.lease("m")) as model:
                    y = float(model.run("serving_default", row(x))["y"][0])
            except Exception as exc:
                wrong.append(exc)
                return
            if y != x * lease.version:  # version n multiplies by n
                wrong.append((lease.version, x, y))
            answered[lease.version] += 1

    threads = [threading.Thread(target=requests) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        for swap in range(SWAPS):
            version = 1 + swap % 2
            registry.promote(version)
            end = time.monotonic() + 60
            while (aliases := manager.aliases("m")) is None or aliases.live != version:
                assert time.monotonic() < end and not wrong
                time.sleep(0.002)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert min(answered.values()) > SWAPS  # both answered
    assert len(managers.messages("switched")) >= SWAPS
    assert not managers.messages("refused")
    manager.poll()
    assert sorted(status.state.value for status in manager.statuses("m")) == ["AVAILABLE", "END"]
    assert manager.statuses("m", version)[0].state is State.AVAILABLE
    assert not manager._models["m"].retired


def serving(registry: Path, cache: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", SERVER, str(registry), str(cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)


@pytest.mark.slow
@pytest.mark.long
def test_a_server_killed_while_it_swaps_serves_right_after_a_restart(
    registry: Registry, models: dict, tmp_path: Path
) -> None:
    push(registry, models[2.0])
    draw = random.Random(5)
    for _ in range(2):
        process = serving(registry.folder, tmp_path / "cache")
        try:
            assert process.stdout is not None
            first = process.stdout.readline().split()
            assert first == [str(registry.labels().live), str(3 * registry.labels().live)]  # type: ignore[union-attr, operator]
            for swap in range(4):
                registry.promote(2 if registry.labels().live == 1 else 1)  # type: ignore[union-attr]
                time.sleep(draw.random() * 0.3 if swap == 3 else 0.2)
        finally:
            process.kill()
            rest, _ = process.communicate()
        lines = [line.split() for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        assert lines and all(int(y) == 3 * int(version) for version, y in lines)
    assert registry.damaged(1) == registry.damaged(2) == []
