"""Temporary files: a folder of the process's own, removed at its end, or by the next one if it was killed.

    <base>/plumbline-<random>/        TMPDIR, while the process is at work
    <base>/plumbline-<random>/.lock   held (flock) by that process: its number may be another's by now, a lock cannot

TensorFlow's AutoGraph and Beam leave files in the system's temporary folder when they are killed; with TMPDIR and
tempfile.tempdir set they are in this one.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.process.signals import on_interruption

PREFIX = "plumbline-"
LOCK = ".lock"
NAME = ".tmp"
"""Of the folder below <root>/<dataset> that holds those of its runs."""

UNLOCKED_SECONDS = 3600.0
"""A folder without a lock is being made, or its process was killed while it was; after so long it was the latter."""


@contextmanager
def scratch(base: Path) -> Iterator[Path]:
    """Makes a folder for temporary files below `base`, where this process and its children make theirs until the end.

    What dead processes left below `base` is removed first.

    Raises:
      OSError: `base` cannot be made or written.
    """
    base.mkdir(parents=True, exist_ok=True)
    remove_leftovers(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    draft = folder / f"{LOCK}.new"
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    with draft.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        draft.rename(folder / LOCK)  # seen by others only once it is held
        with on_interruption(lambda: shutil.rmtree(folder, ignore_errors=True)):
            os.environ["TMPDIR"], tempfile.tempdir = str(folder), str(folder)
            try:
                yield folder
            finally:
                tempfile.tempdir = before[1]
                os.environ.pop("TMPDIR")
                if before[0] is not None:
                    os.environ["TMPDIR"] = before[0]
                shutil.rmtree(folder, ignore_errors=True)


def leftovers(base: Path) -> list[Path]:
    """Folders of dead processes below `base`."""
    try:
        found = sorted(base.glob(f"{PREFIX}*/"))
    except OSError:
        return []
    return [folder for folder in found if _is_left(folder)]


def remove_leftovers(base: Path) -> list[Path]:
    """Removes the folders of dead processes below `base`; returns them."""
    found = leftovers(base)
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _is_left(folder: Path) -> bool:
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return False
        if not (folder / LOCK).exists():
            # Only what `scratch` made begins with the draft of a lock: a name alone is no reason to delete.
            draft = folder / f"{LOCK}.new"
            return draft.exists() and time.time() - draft.stat().st_mtime > UNLOCKED_SECONDS
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False  # held, or gone meanwhile
    return True
