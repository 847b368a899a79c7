"""The interface of registry backends, and the file layout that all of them share."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

MANIFEST = "manifest.json"
CARDS = ("model_card.md", "model_card.html")
"""Model cards, stored beside the manifest. They are not part of the model, so the manifest has no checksum of them."""
Cards = Callable[[int], Mapping[str, str]]
"""Renders the model cards of a version number: name in CARDS -> text."""
MODEL_VERSION = "assets/model_version"
"""File of a SavedModel with its version number, written by the push; present if the model reports its version."""
LABELS = "labels.json"


class RegistryBackend(Protocol):
    """File operations of a registry; paths are relative to it, with "/" as separator.

    Every method raises OSError or PlumblineError if the storage fails.
    """

    def shown(self, name: str = "") -> str:
        """Returns the path or URL of a file, or of the registry, for messages and records."""

    def read(self, name: str) -> tuple[bytes, Any] | None:
        """Returns a file's content, and its state for compare-and-swap by `write_labels`; None if it does not exist."""

    def read_all(self, names: Iterable[str]) -> Iterator[tuple[bytes, Any] | None]:
        """Calls `read` for each name, in order, possibly in parallel."""

    def versions(self) -> list[int]:
        """Returns the version numbers, oldest first."""

    def has(self, version: int) -> bool:
        """Whether a version exists, with its manifest."""

    def digests(self, version: int) -> dict[str, str]:
        """Returns path -> SHA-256 of the files of a version, except its manifest and CARDS; sorted by path."""

    def fetch(self, version: int, folder: Path) -> dict[str, str]:
        """Copies the files of a version to a folder, created if necessary; returns the `digests` of the copies."""

    def locked(self) -> AbstractContextManager[None]:
        """Locks the registry against other writers, if the backend has locks."""

    def sweep(self) -> None:
        """Completes or removes what killed pushes left. The caller holds the lock."""

    def leftovers(self) -> list[str]:
        """Returns the names of what killed pushes left, sorted; [] while a push is known to be running."""

    def write_labels(self, content: bytes, seen: Any) -> bool:
        """Writes labels.json if it is unchanged.

        The caller holds the lock.

        Args:
          content: The new content.
          seen: The state that `read` returned; None if the file did not exist.

        Returns:
          Whether it was unchanged and has been written.
        """

    def add(self, model: Path, manifest: Mapping[str, Any], above: int, cards: Cards) -> int:
        """Adds a model as a new version, atomically. The caller holds the lock.

        Args:
          model: Folder of the SavedModel; its copy of MODEL_VERSION, if it has one, gets the version number.
          manifest: manifest.json without `version`. Its `files` are the digests of the files in `model`; those of the
            version are recorded instead, see `numbered`.
          above: The new number is larger than this one, than all versions, and than all reserved numbers.
          cards: Renders the model cards.

        Returns:
          The version number.
        """

    def reserve(self, version: int) -> None:
        """Excludes this number and smaller ones from new versions. The caller holds the lock."""


def version_text(version: int) -> str:
    """Returns the content of MODEL_VERSION for a version."""
    return f"{version}\n"


def numbered(files: Mapping[str, str], version: int) -> dict[str, str]:
    """Returns the digests of a model's files after it is pushed as `version`, which changes MODEL_VERSION."""
    if MODEL_VERSION not in files:
        return dict(files)
    return {**files, MODEL_VERSION: hashlib.sha256(version_text(version).encode()).hexdigest()}


def file_digests(folder: Path) -> dict[str, str]:
    """Returns path -> SHA-256 of the files below a folder, except its manifest and CARDS; sorted by path."""
    from components.shared.files import sha256

    about = {folder / name for name in (MANIFEST, *CARDS)}
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path not in about)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
