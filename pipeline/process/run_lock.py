"""One process at a time in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.shared.errors import UsageError


@contextmanager
def alone(folder: Path, at_work: str = "a run", option: str = "--root") -> Iterator[None]:
    """Holds <folder>/.run.lock; the kernel frees the lock of a dead process.

    Args:
      folder: A dataset's runs, or a dry run's work. It has to be there.
      at_work: What the other one is called.
      option: What names another folder.

    Raises:
      UsageError: Another process holds it, or the lock cannot be opened.
    """
    try:
        lock = (folder / ".run.lock").open("a+")
    except OSError as exc:
        raise UsageError(f"{folder / '.run.lock'}: cannot be opened ({exc.strerror})") from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise UsageError(
                f"{folder}: {at_work} is already under way there (process {owner}); "
                f"wait for it or choose another {option}"
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def holder(folder: Path) -> str:
    """Who holds <folder>/.run.lock, such as "process 12"; "" if nobody does. Nothing is written."""
    try:
        lock = (folder / ".run.lock").open("r")
    except OSError:
        return ""
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return f"process {lock.read().strip() or 'unknown'}"
    return ""
