"""A registry, and models to push: folders of a few files, for the registry never looks inside."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.registry.versions import Registry


@pytest.fixture
def registry(tmp_path) -> Registry:
    return Registry(tmp_path / "registry")


@pytest.fixture
def model(tmp_path) -> Callable[..., Path]:
    """model("a") -> a folder whose content depends on the name alone."""

    def model(name: str, size: int = 10) -> Path:
        folder = tmp_path / "models" / name
        (folder / "variables").mkdir(parents=True, exist_ok=True)
        (folder / "assets.extra").mkdir(exist_ok=True)
        (folder / "saved_model.pb").write_text(f"graph of {name}")
        (folder / "variables" / "variables.data").write_text(name * size)
        (folder / "assets.extra" / "manifest.json").write_text(f'"the model\'s own, of {name}"')
        return folder

    return model
