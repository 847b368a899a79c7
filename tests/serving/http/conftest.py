"""Registries of small SavedModels, and servers of them that end with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.registry.registry import Registry
from tests.projects import flights_project
from tests.serving.http import running
from tests.serving.models.saved_models import push, write_model


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    """Factor -> folder of a SavedModel that multiplies by it."""
    folder = tmp_path_factory.mktemp("models")
    return {factor: write_model(folder / f"{factor:g}" / "model", factor) for factor in (1.0, 2.0, 3.0)}


@pytest.fixture
def start(tmp_path: Path, models: dict[float, Path]) -> Iterator[Callable[..., running.Server]]:
    """Starts a server whose version 1 multiplies by 1 and is live: start(*options, settings="")."""
    started: list[running.Server] = []

    def start(*options: str, settings: str = "", environment: dict[str, str] | None = None) -> running.Server:
        folder = flights_project(tmp_path / f"project{len(started)}", settings=settings)
        push(Registry(folder / "runs" / "flights" / "registry"), models[1.0])
        started.append(running.start(folder, *options, environment=environment))
        return started[-1]

    yield start
    running.stop(started)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, models: dict[float, Path]) -> Iterator[running.Server]:
    """A server that the tests of a module share; its version 1 multiplies by 1."""
    settings = (
        '[serving]\nreceive_seconds = 2.0\nidle_seconds = 120.0\nmax_body_mb = 0.1\nkey_input = "text"\n'
        'time_header = "X-Event-Time"\n'
    )
    folder = flights_project(tmp_path_factory.mktemp("project"), settings=settings)
    push(Registry(folder / "runs" / "flights" / "registry"), models[1.0])
    started = running.start(folder)
    yield started
    running.stop([started])
