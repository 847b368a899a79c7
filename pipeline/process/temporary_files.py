"""A temporary folder for each process. It is removed when the process ends, or by the next one after a kill.

    <base>/plumbline-<random>/        TMPDIR of the process
    <base>/plumbline-<random>/.lock   locked (flock) by the process. A process id could be reused, a lock cannot.

TensorFlow's AutoGraph and Beam leave files in the system's temporary folder when they are killed; with TMPDIR and
tempfile.tempdir set they use this folder.
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
"""Name of the folder below <root>/<dataset> for the temporary files of its runs."""

UNLOCKED_SECONDS = 3600.0
"""Age after which a folder without a lock is a leftover: its process was killed before it made the lock."""


@contextmanager
def scratch(base: Path) -> Iterator[Path]:
    """Sets TMPDIR of this process and its children to a new folder below `base`, which is removed after the block.

    Folders of dead processes below `base` are removed first.

    Args:
      base: Parent folder; created if necessary.

    Yields:
      The new folder.

    Raises:
      OSError: `base` cannot be created or written.
    """
    base.mkdir(parents=True, exist_ok=True)
    remove_leftovers(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    draft = folder / f"{LOCK}.new"
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    with draft.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        draft.rename(folder / LOCK)  # visible to other processes only after it is locked
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
    """Lists the folders of dead processes below `base`."""
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
            # `scratch` makes the draft first. A matching name alone must not lead to deletion.
            draft = folder / f"{LOCK}.new"
            return draft.exists() and time.time() - draft.stat().st_mtime > UNLOCKED_SECONDS
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False  # locked, or removed in the meantime
    return True
