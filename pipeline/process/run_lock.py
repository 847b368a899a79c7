"""A file lock that allows one process at a time in a run folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.shared.errors import UsageError


@contextmanager
def run_lock(folder: Path, at_work: str = "a run", option: str = "--root") -> Iterator[None]:
    """Holds the lock <folder>/.run.lock during the block. The kernel releases the lock of a dead process.

    Args:
      folder: Run folder of a dataset, or work folder of a dry run. It must exist.
      at_work: Name of the locked activity in the error message.
      option: Command-line option that selects another folder, for the error message.

    Raises:
      UsageError: Another process holds the lock, or the file cannot be opened.
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


def lock_holder(folder: Path) -> str:
    """Returns the process that holds <folder>/.run.lock, such as "process 12"; "" if it is free. Writes nothing."""
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
