"""Atomic file writes, JSON files, and checksums."""

import fcntl
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from components.shared.errors import UsageError

CHUNK = 1 << 20
TEMPORARY = ".tmp"


def write_text(path: Path, text: str) -> None:
    """Writes text in UTF-8, see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces a file's content atomically: after a crash the file holds either the old or the new content.

    While writing, a temporary file .<name>.<random>.tmp exists beside it. If a killed process leaves one, the next
    write of the file deletes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    handle, temporary = _locked_beside(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(temporary, 0o644)  # mkstemp's 0600 would deny access to a server that runs as another user
            os.replace(temporary, path)  # before the lock is released
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path`, to be renamed to it; deleted at the end otherwise. See `write_bytes`."""
    sweep(path)
    while True:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY))
        handle = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if folder.is_dir():
            break
        os.close(handle)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _locked_beside(path: Path) -> tuple[int, str]:
    """Creates a temporary file and locks it; the kernel releases the lock when this process dies."""
    while True:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
        with suppress(OSError):  # on a file system without locks, `sweep` deletes nothing either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, temporary
        os.close(handle)  # another process deleted it before it was locked


def sweep(path: Path) -> None:
    """Deletes what killed writers left: temporary files and folders beside a path that no process has locked."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*{TEMPORARY}"):
        with suppress(OSError):
            handle = os.open(leftover, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            finally:
                os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented JSON, see `write_bytes`."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file of this project.

    Raises:
      UsageError: The file is damaged or truncated.
      OSError: The file cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:  # neither JSON nor UTF-8
        raise UsageError(f"{path}: is damaged or cut short ({exc}); run `plumbline doctor`") from exc


def sync(path: Path) -> None:
    """Flushes a file's content, or the renames in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
