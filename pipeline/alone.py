"""One process at a time on a dataset's runs: a run, or what tidies up after runs."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import UsageError


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Holds <home>/.run.lock; UsageError if another process does. The kernel frees the lock of a dead process."""
    try:
        lock = (home / ".run.lock").open("a+")
    except OSError as exc:
        raise UsageError(f"{home / '.run.lock'}: cannot be opened ({exc.strerror})") from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise UsageError(
                f"{home}: a run is already under way there (process {owner}); wait for it or choose another --root"
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield
