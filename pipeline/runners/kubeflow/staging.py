"""A folder that a step and Beam's workers both mount: the step's artifacts lie there while it runs.

The launcher brings artifacts to the disk of the step's own pod, which workers elsewhere do not see. So a component that
runs on Beam gets copies in the shared folder, and what it wrote there is copied to where the launcher looks.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from components.shared.errors import ConfigError
from pipeline.runners.kubeflow.artifact_paths import SHARED, local_path


class Staging:
    """One execution's part of the shared folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, uri: str) -> str:
        """Where workers find an artifact; a plain folder, which they see anyway, is itself."""
        return local_path(uri, str(self.folder))

    def bring(self, uris: Iterable[str]) -> None:
        """Copies inputs from where the launcher has put them."""
        for uri in uris:
            _copy(Path(local_path(uri)), Path(self.place(uri)))

    def deliver(self, uris: Iterable[str]) -> None:
        """Copies outputs to where the launcher takes them from."""
        for uri in uris:
            _copy(Path(self.place(uri)), Path(local_path(uri)))


@contextmanager
def staging(shared: str, execution: str) -> Iterator[Staging]:
    """A part of the shared folder that is removed at the end.

    Args:
      shared: The folder.
      execution: What tells this execution from others. A retry has the same, and so removes what a killed attempt left.

    Raises:
      ConfigError: It cannot be written.
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
