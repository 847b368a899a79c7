"""Two SavedModels that differ in their answer, and managers that are stopped after the test."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.registry.registry import Registry
from serving.models.model_manager import Event, ModelManager
from tests.components.registry.bucket_place import bucket as bucket
from tests.components.registry.bucket_place import s3_server as s3_server
from tests.serving.models.saved_models import push, write_model


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    """Factor -> folder of a SavedModel that multiplies by it."""
    folder = tmp_path_factory.mktemp("models")
    return {factor: write_model(folder / f"{factor:g}" / "model", factor) for factor in (1.0, 2.0, 3.0)}


@pytest.fixture
def registry(tmp_path: Path, models: dict[float, Path]) -> Registry:
    """A registry whose version 1 multiplies by 1 and is live."""
    registry = Registry(tmp_path / "registry")
    push(registry, models[1.0])
    return registry


@dataclass
class Managers:
    """Makes managers, and keeps what they report."""

    cache: Path
    made: list[ModelManager] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __call__(self, location: Path | str, **settings: Any) -> ModelManager:
        """A manager of the model `m`; its threads are not started."""
        manager = ModelManager({"m": location}, cache=self.cache, report=self.events.append, **settings)
        self.made.append(manager)
        return manager

    def kinds(self) -> list[tuple[str, int | None]]:
        return [(event.kind, event.version) for event in self.events]

    def messages(self, kind: str) -> list[str]:
        return [event.message for event in self.events if event.kind == kind]


@pytest.fixture
def managers(tmp_path: Path) -> Iterator[Managers]:
    made = Managers(tmp_path / "cache")
    yield made
    for manager in made.made:
        manager.stop()


def step(manager: ModelManager) -> None:
    """What the two threads do: a poll, the loading it asks for, and a poll that unloads."""
    manager.poll()
    manager.load_missing()
    manager.poll()


@pytest.fixture
def wait() -> Callable[[Callable[[], bool]], None]:
    """Waits until something is true; fails after a minute."""

    def wait(true: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not true():
            assert time.monotonic() < end
            time.sleep(0.01)

    return wait
