"""Whether a metadata store belongs to the artifacts beside it: its identity, and how far both have counted."""

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
    """What the artifacts know of their metadata; None if they do not say."""
    try:
        found = json.loads((home / "artifacts" / FILE).read_text(encoding="utf-8"))
        return StoreIdentity(str(found["id"]), int(found["executions"]), int(found["folders"]), str(found["home"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check_identity(place: DatasetPaths, file: Path, records: Records) -> Iterator[DoctorFinding]:
    """At most one finding: what does not fit, and the backup that would."""
    known, folders = beside(place.home), highest_execution(place.home)
    if known is not None and records.identity and records.identity != known.id:
        what = "belongs to other artifacts than those beside it: it was copied from another root, or those were"
    elif known is not None and not records.identity and records.executions:
        what = "is new, but artifacts of an earlier store are there: that one was lost"
    elif known is not None and records.last_execution < known.executions:
        what = (
            f"ends with execution {records.last_execution}, but the artifacts have seen {known.executions}: it is an "
            "older copy"
        )
    elif folders > max(records.last_execution, known.folders if known else 0):
        what = (
            f"ends with execution {records.last_execution}, but artifacts of {folders} are there: it is an older copy"
        )
    else:
        return
    better = _better(place.home, records, known)
    if better is not None:
        do = f"--repair restores the backup {better}, which fits"
        yield DoctorFinding("error", str(file), what, do, lambda aside: restore(place.home, aside, better))
        return
    do = "there is no backup that fits: --repair numbers new executions on, and sets aside what the store does not know"

    def repair(aside: SetAside) -> str:
        return number_on(place.home, file, aside)

    yield DoctorFinding("error", str(file), what, do, repair)


def agree(home: Path, file: Path) -> None:
    """Lets store and artifacts agree from now on. Where ML Metadata does not work, the next run does it."""
    from pipeline.metadata.connection import connect, connection_config
    from pipeline.metadata.store_identity import reconcile

    if file.is_file():
        with suppress(Exception):
            reconcile(home, connect(connection_config(None, file), read_only=False))


def _better(home: Path, records: Records, known: StoreIdentity | None) -> Path | None:
    """The newest whole backup that belongs to the artifacts and has counted further than the store."""
    if known is None:
        return None
    for path in good_backups(home):
        with suppress(sqlite3.Error):
            copy = read(path)
            fits = copy.identity == known.id
            if fits and (records.identity != known.id or copy.last_execution > records.last_execution):
                return path
    return None
