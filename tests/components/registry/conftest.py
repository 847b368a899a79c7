"""A registry in a folder and one in a bucket, and models to push: a few files, which the registry does not read."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.registry.registry import Registry
from tests.components.registry.bucket_place import BucketPlace
from tests.components.registry.bucket_place import bucket as bucket
from tests.components.registry.bucket_place import s3_server as s3_server


@dataclass
class FolderPlace:
    """Files of a registry in a folder, read without the registry."""

    location: Path

    def files(self) -> dict[str, bytes]:
        """Returns the content of every file."""
        found = (path for path in self.location.rglob("*") if path.is_file() and path.name != ".lock")
        return {path.relative_to(self.location).as_posix(): path.read_bytes() for path in found}

    def write(self, name: str, content: bytes) -> None:
        (self.location / name).parent.mkdir(parents=True, exist_ok=True)
        (self.location / name).write_bytes(content)

    def delete(self, name: str) -> None:
        """Deletes a file, or all below a folder."""
        path = self.location / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> FolderPlace | BucketPlace:
    if request.param == "folder":
        return FolderPlace(tmp_path / "registry")
    found: BucketPlace = request.getfixturevalue("bucket")
    return found


@pytest.fixture
def registry(place: FolderPlace | BucketPlace) -> Registry:
    return Registry(place.location)


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
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
