"""Copies of the metadata, one after each run, the newest KEPT: <root>/<dataset>/backups/metadata-<run id>.sqlite.

SQLite's backup interface makes a consistent copy while others read and write. A server's metadata is backed up by its
own tools.
"""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from pipeline.metadata.connection import metadata_file

_log = logging.getLogger(__name__)

FOLDER = "backups"
KEPT = 5


def back_up(home: Path, run_id: str) -> Path | None:
    """Copies <home>/metadata.sqlite; returns where to.

    None, and a line in the log, if it could not be copied: a run is what it is without the copy. The older copies then
    stay. A damaged database is not copied over good ones.
    """
    database, target = metadata_file(home), home / FOLDER / f"metadata-{run_id}.sqlite"
    if not database.is_file():
        return None
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        uri = f"{database.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
            ((verdict,),) = copy.execute("PRAGMA quick_check(1)").fetchall()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
        for old in _backups(home)[KEPT:]:
            old.unlink()
        return target
    except (OSError, sqlite3.Error):
        _log.exception("the metadata could not be backed up")
        partial.unlink(missing_ok=True)
        return None


def newest_backup(home: Path) -> Path | None:
    """The newest copy; None if there is none."""
    return next(iter(_backups(home)), None)


def _backups(home: Path) -> list[Path]:
    """Newest first; run ids begin with the time."""
    return sorted((home / FOLDER).glob("metadata-*.sqlite"), key=lambda path: path.name, reverse=True)
