"""Backups of the SQLite metadata store, one after each run: <root>/<dataset>/backups/metadata-<run id>.sqlite.

The newest KEPT are kept. SQLite's backup interface makes a consistent copy while other processes read and write. A
metadata server is backed up with the server's own tools.
"""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from components.shared.failure_log import log_failure
from pipeline.metadata.connection import metadata_file

_log = logging.getLogger(__name__)

FOLDER = "backups"
KEPT = 5


def back_up(home: Path, run_id: str) -> Path | None:
    """Backs up <home>/metadata.sqlite and removes old backups.

    A failure is only logged, since it does not affect the run. Then, and if the database is damaged, the older backups
    are kept.

    Args:
      home: <root>/<dataset>.
      run_id: Id of the run, part of the file name.

    Returns:
      The backup; None if none was made.
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
        log_failure(_log, "the metadata could not be backed up")
        partial.unlink(missing_ok=True)
        return None


def newest_backup(home: Path) -> Path | None:
    """Returns the newest backup; None if there is none."""
    return next(iter(_backups(home)), None)


def _backups(home: Path) -> list[Path]:
    """Newest first; run ids begin with the time."""
    return sorted((home / FOLDER).glob("metadata-*.sqlite"), key=lambda path: path.name, reverse=True)
