"""What Registry needs of a folder or a bucket, and what both hold."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

MANIFEST = "manifest.json"
CARDS = ("model_card.md", "model_card.html")
Cards = Callable[[int], Mapping[str, str]]
"""Makes the cards of a version, of whose number they tell: name of CARDS -> text."""
"""Beside the manifest: what a person reads about a version. No part of its model, so not among its files either."""
MODEL_VERSION = "assets/model_version"
"""In a SavedModel that answers with its version: the file that a push writes the version's number into."""
LABELS = "labels.json"


class Storage(Protocol):
    """Files of a registry by their path below it, with "/" between the parts.

    Every method raises OSError or PlumblineError if the storage fails.
    """

    def shown(self, name: str = "") -> str:
        """Path or URL of a file of the registry, or of itself, for messages and records."""

    def read(self, name: str) -> tuple[bytes, Any] | None:
        """A file's content and what `write_labels` needs to know that it is still the same; None if it is not there."""

    def read_all(self, names: Iterable[str]) -> Iterator[tuple[bytes, Any] | None]:
        """`read` of each, in order; perhaps several at a time."""

    def versions(self) -> list[int]:
        """Numbers of the versions, oldest first."""

    def has(self, version: int) -> bool:
        """Whether a version is there, with its manifest."""

    def digests(self, version: int) -> dict[str, str]:
        """Path below the version -> SHA-256, for every file but the version's manifest and CARDS; sorted."""

    def fetch(self, version: int, folder: Path) -> dict[str, str]:
        """Copies a version's files into a folder, which is made if need be; returns the `digests` of the copies."""

    def locked(self) -> AbstractContextManager[None]:
        """Keeps other writers out, where a storage can do that."""

    def sweep(self) -> None:
        """Settles what killed pushes left. Called under the lock."""

    def leftovers(self) -> list[str]:
        """Names of what killed pushes left, sorted; nothing while a push is known to be under way."""

    def write_labels(self, content: bytes, seen: Any) -> bool:
        """Writes labels.json if it still is what was seen (None: not there); whether it was. Called under the lock."""

    def add(self, model: Path, manifest: Mapping[str, Any], above: int, cards: Cards) -> int:
        """Copies a model in as a version of its own, whole or not at all. Called under the lock.

        Args:
          model: Folder of the SavedModel; of its MODEL_VERSION, if it has one, the copy gets the version's number.
          manifest: manifest.json but for `version`; `files` are the digests of the model's files as they are in
            `model`, and are recorded as they become, see `numbered`.
          above: The new number is larger than this, than that of any version, and than any reserved one.
          cards: The version's number -> name of CARDS -> text.

        Returns:
          The version's number.
        """

    def reserve(self, version: int) -> None:
        """Sees to it that no new version gets this number or a smaller one. Called under the lock."""


def version_text(version: int) -> str:
    """What stands in a version's MODEL_VERSION."""
    return f"{version}\n"


def numbered(files: Mapping[str, str], version: int) -> dict[str, str]:
    """Digests of a model's files once it has been pushed as a version."""
    if MODEL_VERSION not in files:
        return dict(files)
    return {**files, MODEL_VERSION: hashlib.sha256(version_text(version).encode()).hexdigest()}


def file_digests(folder: Path) -> dict[str, str]:
    """Path below the folder -> SHA-256, for every file but the folder's own manifest and CARDS; sorted."""
    from components.shared.files import sha256

    about = {folder / name for name in (MANIFEST, *CARDS)}
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path not in about)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
