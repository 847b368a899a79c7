"""Keeps the files that repairs replace, so that the user can inspect or delete them.

<root>/<dataset>/backups/repair-<time>/   the same paths as below <root>/<dataset>, and actions.log
"""

import errno
import os
import shutil
from datetime import datetime, timezone
from pathlib import Path

from components.shared.errors import UsageError
from components.shared.files import sync, write_bytes
from pipeline.metadata.backups import FOLDER

PREFIX = "repair-"


class SetAside:
    """The folder of one repair, created when the first file is put there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._name = f"{PREFIX}{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
        self._folder: Path | None = None
        self._copied: set[Path] = set()

    @property
    def folder(self) -> Path:
        """Path of the folder, which is created if necessary. Raises UsageError if it cannot be created."""
        if self._folder is None:
            parent = self.home / FOLDER
            try:
                parent.mkdir(parents=True, exist_ok=True)
                for number in range(1, 1000):
                    folder = parent / (self._name if number == 1 else f"{self._name}-{number}")
                    if not folder.exists():
                        folder.mkdir()
                        break
            except OSError as exc:
                raise UsageError(f"{parent}: cannot be created ({exc.strerror}); nothing was repaired") from exc
            self._folder = folder
        return self._folder

    @property
    def used(self) -> bool:
        """Whether the folder was created."""
        return self._folder is not None

    def move(self, path: Path) -> Path:
        """Moves a file or folder here by an atomic rename.

        Returns:
          The new path. A file on another file system is renamed in its own folder instead.
        """
        target = self._target(path)
        try:
            os.rename(path, target)
        except OSError as exc:
            if exc.errno != errno.EXDEV:  # another file system, such as that of the registry
                raise
            beside = path.with_name(f".set-aside-{self.folder.name}-{path.name}")
            os.rename(path, beside)
            target = beside
        sync(path.parent)
        self.note(f"moved {path} to {target}")
        return target

    def copy(self, path: Path) -> Path:
        """Copies a file here before it is changed in place; returns the copy."""
        target = self._target(path)
        shutil.copy2(path, target)
        sync(target)
        self.note(f"copied {path} to {target}")
        return target

    def copy_database(self, file: Path) -> None:
        """Copies a SQLite file before it is first changed. The caller must hold the run lock, so that nobody writes."""
        if file in self._copied:
            return
        self._copied.add(file)
        for suffix in ("", "-journal", "-wal"):
            if Path(f"{file}{suffix}").is_file():
                self.copy(Path(f"{file}{suffix}"))

    def keep(self, name: str, content: bytes) -> Path:
        """Writes the old content of an object, such as one in a bucket, to a file here.

        Args:
          name: Name of the file.
          content: The old content.

        Returns:
          The file.
        """
        target = self._target(self.home / "elsewhere" / name)
        write_bytes(target, content)
        self.note(f"kept {target}")
        return target

    def note(self, text: str) -> None:
        """Adds a line to actions.log."""
        with (self.folder / "actions.log").open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(timezone.utc).isoformat(timespec='seconds')} {text}\n")
            log.flush()
            os.fsync(log.fileno())

    def shown(self) -> str:
        """Returns the folder's path as text, for messages."""
        return str(self.folder)

    def _target(self, path: Path) -> Path:
        try:
            inside = path.relative_to(self.home)
        except ValueError:  # a registry outside the dataset's folder
            inside = Path("elsewhere", *path.parts[-2:])
        target = self.folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        number = 2
        while target.exists() or target.is_symlink():
            target = target.with_name(f"{inside.name}.{number}")
            number += 1
        return target
