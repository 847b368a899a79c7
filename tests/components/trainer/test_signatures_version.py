"""The version that a model reports: "candidate" until it is pushed, then its number, also in copies."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.registry.registry import Registry, file_digests

pytestmark = pytest.mark.slow

Ask = Callable[[Path], dict[str, np.ndarray]]


@pytest.fixture
def ask(made_up: Any, encode: Any) -> Ask:
    """Folder of a SavedModel -> outputs of serve_examples for three rows."""

    def answer(folder: Path) -> dict[str, np.ndarray]:
        model = tf.saved_model.load(str(folder))
        said = model.signatures["serve_examples"](examples=tf.constant(encode(made_up(3))))
        return {name: tensor.numpy() for name, tensor in said.items()}

    return answer


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_version_is_candidate_before_a_push(trained: Callable[[str], Path], ask: Ask, task: str) -> None:
    assert ask(trained(task))["model_version"].tolist() == [b"candidate"] * 3


def test_pushed_model_reports_its_number(
    trained: Callable[[str], Path], trained_otherwise: Path, ask: Ask, tmp_path: Path
) -> None:
    registry = Registry(tmp_path / "registry")
    model = trained("binary")
    assert registry.push(model, {}) == 1
    first, candidate = ask(registry.path(1)), ask(model)
    assert first["model_version"].tolist() == [b"1"] * 3
    assert candidate["model_version"].tolist() == [b"candidate"] * 3  # what was pushed is not touched
    assert first["probability"].tolist() == candidate["probability"].tolist()
    assert registry.push(trained_otherwise, {}) == 2
    assert ask(registry.path(2))["model_version"].tolist() == [b"2"] * 3
    # Moved, as ChampionResolver copies it and TensorFlow Serving mounts it.
    registry.fetch(2, tmp_path / "champion")
    shutil.rmtree(tmp_path / "registry" / "2")
    assert ask(tmp_path / "champion")["model_version"].tolist() == [b"2"] * 3


def test_pushed_model_differs_from_the_candidate_only_in_the_number(
    trained: Callable[[str], Path], tmp_path: Path
) -> None:
    registry = Registry(tmp_path / "registry")
    model = trained("binary")
    registry.push(model, {})
    before, after = file_digests(model), registry.manifest(1)["files"]
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == ["assets/model_version"]
    registry.verify(1)
