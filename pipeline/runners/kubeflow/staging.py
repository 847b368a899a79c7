"""Copies a step's artifacts to a folder that the step and Beam's workers both mount, and outputs back.

The launcher copies artifacts to the disk of the step's pod, which workers in other pods cannot access. So a Beam-based
component works on copies in the shared folder, and its outputs are copied to the launcher's folders.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from components.shared.errors import ConfigError
from pipeline.runners.kubeflow.artifact_paths import SHARED, local_path


class Staging:
    """The subfolder of the shared folder for one execution."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, uri: str) -> str:
        """Returns the path of an artifact in the shared folder; a local folder is returned unchanged."""
        return local_path(uri, str(self.folder))

    def bring(self, uris: Iterable[str]) -> None:
        """Copies inputs from the launcher's folders."""
        for uri in uris:
            _copy(Path(local_path(uri)), Path(self.place(uri)))

    def deliver(self, uris: Iterable[str]) -> None:
        """Copies outputs to the launcher's folders."""
        for uri in uris:
            _copy(Path(self.place(uri)), Path(local_path(uri)))


@contextmanager
def staging(shared: str, execution: str) -> Iterator[Staging]:
    """Creates a subfolder of the shared folder, and removes it after the block.

    Args:
      shared: The shared folder.
      execution: Identifies the execution. A retry has the same value, and removes the files of a killed attempt.

    Raises:
      ConfigError: The folder cannot be written.
    """
    folder = Path(shared) / f"plumbline-{hashlib.sha256(execution.encode()).hexdigest()[:32]}"
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
    except OSError as exc:
        raise ConfigError(
            f"{SHARED}={shared}: cannot be written ({exc.strerror}); Beam's workers and this step need a folder that "
            "both mount, see [kubeflow] beam_claim"
        ) from exc
    try:
        yield Staging(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    if source == target or not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)
