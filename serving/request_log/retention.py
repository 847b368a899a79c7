"""Retention: deletes whole sealed files, oldest first, by age and by size, and records what was deleted."""

import fcntl
import os
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from components.shared.files import write_json
from serving.request_log.layout import SUFFIX, Layout, SealedFile
from serving.request_log.settings import LogSettings

_DAY = 86_400.0


def apply_retention(layout: Layout, settings: LogSettings, now: float | None = None) -> list[str]:
    """Deletes the files that the settings no longer keep.

    A sealed file is deleted when its hour ended more than `keep_days` ago and it was not written later than that (a
    server whose clock was wrong writes old hours); then, oldest first, as long as all sealed files together are larger
    than `keep_bytes`. Damaged segments and journal records are deleted by age. Files of a
    segment that is not completely sealed are kept, and so is all feedback: it is small, and may be imported only once.

    Args:
      layout: The log.
      settings: `keep_days`, `keep_bytes`.
      now: Seconds since 1970-01-01 UTC; None is the present.

    Returns:
      Paths of deleted files, relative to the log's folder.

    Raises:
      OSError: A file cannot be deleted.
    """
    layout.removed.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(layout.removed, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _apply(layout, settings, time.time() if now is None else now)
    except BlockingIOError:
        return []  # another process does it
    finally:
        os.close(descriptor)


def _apply(layout: Layout, settings: LogSettings, now: float) -> list[str]:
    unsealed = {path.name.removesuffix(SUFFIX) for path in layout.open_segments()}
    files = [file for file in layout.sealed_files() if file.segment not in unsealed]
    sizes = {file.path: size for file in files if (size := _size(file.path)) is not None}
    doomed = _expired(files, sizes, settings, now)
    outdated = _old([*layout.damaged.glob(f"*{SUFFIX}"), *layout.journal.glob("*.json")], settings, now)
    if not doomed and not outdated:
        return []
    removed = [str(path.relative_to(layout.folder)) for path in (*(file.path for file in doomed), *outdated)]
    if doomed:  # recorded first: a killed process may have deleted less than is recorded, never more
        record = {
            "time": int(now * 1e6),
            "files": [str(file.path.relative_to(layout.folder)) for file in doomed],
            "bytes": sum(sizes[file.path] for file in doomed),
        }
        write_json(layout.removed / f"{int(now)}-{secrets.token_hex(4)}.json", record)
    for path in (*(file.path for file in doomed), *outdated):
        path.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent):
            with suppress(OSError):  # it is not empty
                if folder.name.startswith(("version=", "hour=")):
                    folder.rmdir()
    return removed


def _expired(
    files: Sequence[SealedFile], sizes: dict[Path, int], settings: LogSettings, now: float
) -> list[SealedFile]:
    there = [file for file in files if file.path in sizes]
    limit = now - settings.keep_days * _DAY
    old = {
        file.path
        for file in there
        if settings.keep_days and (file.hour + 1) * 3600 <= limit and (_changed(file.path) or 0.0) <= limit
    }
    doomed = [file for file in there if file.path in old]
    kept = [file for file in there if file.path not in old]
    total = sum(sizes[file.path] for file in kept)
    for file in kept:
        if not settings.keep_bytes or total <= settings.keep_bytes:
            break
        doomed.append(file)
        total -= sizes[file.path]
    return doomed


def _old(paths: Sequence[Path], settings: LogSettings, now: float) -> list[Path]:
    if not settings.keep_days:
        return []
    limit = now - settings.keep_days * _DAY
    return [path for path in paths if (changed := _changed(path)) is not None and changed < limit]


def _size(path: Path) -> int | None:
    with suppress(FileNotFoundError):  # another process deleted it
        return path.stat().st_size
    return None


def _changed(path: Path) -> float | None:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return None
