"""A model that reports its version: a push writes the number into its copy and changes nothing else."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from components.registry.backend import MODEL_VERSION
from components.registry.registry import Registry
from components.shared.errors import PlumblineError
from tests.components.registry.bucket_place import BucketPlace
from tests.components.registry.conftest import FolderPlace

Place = FolderPlace | BucketPlace


@pytest.fixture
def telling(model: Callable[..., Path]) -> Callable[[str], Path]:
    """`model` with a version file."""

    def telling(name: str) -> Path:
        folder = model(name)
        (folder / "assets").mkdir(exist_ok=True)
        (folder / MODEL_VERSION).write_text("candidate\n")
        return folder

    return telling


def test_version_number_is_written_and_recorded(
    registry: Registry, place: Place, telling: Callable[[str], Path], tmp_path: Path
) -> None:
    for number, name in ((1, "a"), (2, "b")):
        assert registry.push(telling(name), {}) == number
        assert place.files()[f"{number}/{MODEL_VERSION}"] == f"{number}\n".encode()
        assert registry.manifest(number)["files"][MODEL_VERSION] == hashlib.sha256(f"{number}\n".encode()).hexdigest()
        registry.verify(number)
    registry.fetch(2, tmp_path / "copy")
    assert (tmp_path / "copy" / MODEL_VERSION).read_text() == "2\n"
    assert (telling("a") / MODEL_VERSION).read_text() == "candidate\n"


def test_same_model_is_recognised_by_its_other_files(
    registry: Registry, telling: Callable[[str], Path], tmp_path: Path
) -> None:
    registry.push(telling("a"), {})
    registry.push(telling("b"), {})
    assert registry.push(telling("a"), {}) == 1
    registry.fetch(2, tmp_path / "copy")
    (tmp_path / "copy" / "manifest.json").unlink()
    assert registry.push(tmp_path / "copy", {}) == 2  # one that has a number already
    assert registry.versions() == [1, 2]


def test_version_with_another_number_is_refused(
    registry: Registry, place: Place, telling: Callable[[str], Path]
) -> None:
    registry.push(telling("a"), {})
    place.write(f"1/{MODEL_VERSION}", b"7\n")
    with pytest.raises(PlumblineError, match="model_version: is not the file that was pushed"):
        registry.verify(1)
