"""Checks whether a metadata store belongs to the artifacts beside it, by identity and execution numbers."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.doctor.artifact_folders import highest_execution
from pipeline.doctor.finding import DatasetPaths, DoctorFinding
from pipeline.doctor.restore import good_backups, number_on, restore
from pipeline.doctor.set_aside import SetAside
from pipeline.doctor.store_records import Records, read
from pipeline.metadata.store_identity import FILE, StoreIdentity


def beside(home: Path) -> StoreIdentity | None:
    """Reads the record of the metadata store that is kept beside the artifacts; None if it cannot be read."""
    try:
        found = json.loads((home / "artifacts" / FILE).read_text(encoding="utf-8"))
        return StoreIdentity(str(found["id"]), int(found["executions"]), int(found["folders"]), str(found["home"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check_identity(place: DatasetPaths, file: Path, records: Records) -> Iterator[DoctorFinding]:
    """Compares a store with the record beside the artifacts.

    Args:
      place: The dataset's folder.
      file: The SQLite file.
      records: Its records.

    Yields:
      At most one finding, whose repair restores a matching backup if there is one.
    """
    known, folders = beside(place.home), highest_execution(place.home)
    if known is not None and records.identity and records.identity != known.id:
        what = (
            "belongs to other artifacts than those beside it: the file or the artifacts were copied from another root"
        )
    elif known is not None and not records.identity and records.executions:
        what = "is new, but artifacts of an earlier store exist: that store was lost"
    elif known is not None and records.last_execution < known.executions:
        what = (
            f"ends with execution {records.last_execution}, but artifacts of execution {known.executions} exist: it is "
            "an older copy"
        )
    elif folders > max(records.last_execution, known.folders if known else 0):
        what = (
            f"ends with execution {records.last_execution}, but artifacts of execution {folders} exist: it is an older "
            "copy"
        )
    else:
        return
    better = _better(place.home, records, known)
    if better is not None:
        do = f"--repair restores the matching backup {better}"
        yield DoctorFinding("error", str(file), what, do, lambda aside: restore(place.home, aside, better))
        return
    do = (
        "there is no matching backup: --repair continues the numbering of executions after the newest artifact, and "
        "sets aside artifacts that the store does not contain"
    )

    def repair(aside: SetAside) -> str:
        return number_on(place.home, file, aside)

    yield DoctorFinding("error", str(file), what, do, repair)


def agree(home: Path, file: Path) -> None:
    """Updates the identity of store and artifacts. If ML Metadata cannot be imported, the next run does it."""
    from pipeline.metadata.connection import connect, connection_config
    from pipeline.metadata.store_identity import reconcile

    if file.is_file():
        with suppress(Exception):
            reconcile(home, connect(connection_config(None, file), read_only=False))


def _better(home: Path, records: Records, known: StoreIdentity | None) -> Path | None:
    """The newest undamaged backup that belongs to the artifacts and has later executions than the store."""
    if known is None:
        return None
    for path in good_backups(home):
        with suppress(sqlite3.Error):
            copy = read(path)
            fits = copy.identity == known.id
            if fits and (records.identity != known.id or copy.last_execution > records.last_execution):
                return path
    return None
