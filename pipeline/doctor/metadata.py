"""Checks ML Metadata: the store can be read, belongs to the artifacts, and has no open executions of ended runs."""

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from components.shared.errors import PlumblineError
from pipeline.doctor.artifact_folders import highest_execution
from pipeline.doctor.finding import CheckResult, DatasetPaths, DoctorFinding, DoctorOptions, checked, line
from pipeline.doctor.identity import check_identity
from pipeline.doctor.restore import newest_backup, restore
from pipeline.doctor.set_aside import SetAside
from pipeline.doctor.store_records import (
    BESIDE,
    FAILED,
    NEW,
    RUNNING,
    SCHEMA_VERSION,
    Records,
    damage,
    read,
    read_server,
)
from pipeline.metadata.connection import metadata_file
from pipeline.settings.config import Config


@dataclass(frozen=True)
class CheckedStore:
    """A store as the other checks use it.

    Attributes:
      records: Its records; None if they cannot be read.
      file: The SQLite file; None on a server.
    """

    records: Records | None
    file: Path | None


def check_metadata(
    place: DatasetPaths, config: Config | None, options: DoctorOptions
) -> tuple[CheckResult, CheckedStore]:
    """Checks a dataset's metadata store.

    Args:
      place: The dataset's folder.
      config: The dataset's settings; None if they cannot be read.
      options: How thoroughly the file is checked.

    Returns:
      The findings, and the store for the other checks.
    """
    if config is not None and config.metadata.kind != "sqlite":
        return _server(place, config)
    file = metadata_file(place.home)
    about = str(file)
    if not file.exists():
        findings = _lost(place, file)
        if config is None:  # the settings would name a metadata server
            do = "run the command in the project's folder with readable settings; without them nothing is repaired"
            findings = [replace(one, do=do, repair=None) for one in findings]
        return checked("metadata", place.dataset, about if findings else "no run yet", findings), CheckedStore(
            None, None
        )
    wrong = damage(file, quick=options.quick)
    if wrong and place.busy:
        time.sleep(0.5)  # an active run may be writing to it
        wrong = damage(file, quick=options.quick)
    if wrong:
        return checked("metadata", place.dataset, about, [_damaged(place, file, wrong)]), CheckedStore(None, file)
    try:
        records = read(file)
    except sqlite3.Error as exc:
        return checked("metadata", place.dataset, about, [_damaged(place, file, line(exc))]), CheckedStore(None, file)
    findings = [*_version(file, records), *_journal(place, file), *_stale(place, file, records)]
    if not place.busy:
        findings += check_identity(place, file, records)
    about = f"{len(records.runs)} runs, {records.executions} executions, {len(records.artifacts)} artifacts"
    return checked("metadata", place.dataset, about, findings), CheckedStore(records, file)


def _lost(place: DatasetPaths, file: Path) -> list[DoctorFinding]:
    highest = highest_execution(place.home)
    if not highest:
        return []
    what = f"does not exist, but artifacts of {highest} executions do: a run would number its executions from 1 again"
    return [
        DoctorFinding(
            "error", str(file), what, _how(place), lambda aside: restore(place.home, aside, newest_backup(place.home))
        )
    ]


def _damaged(place: DatasetPaths, file: Path, wrong: str) -> DoctorFinding:
    return DoctorFinding(
        "error", str(file), wrong, _how(place), lambda aside: restore(place.home, aside, newest_backup(place.home))
    )


def _how(place: DatasetPaths) -> str:
    backup = newest_backup(place.home)
    if backup is not None:
        return f"--repair restores the backup {backup}; the next run produces later artifacts again"
    return (
        "there is no undamaged backup: --repair creates a new store with the runs in reports/, and sets the artifacts "
        "aside; the next run produces them again"
    )


def _version(file: Path, records: Records) -> list[DoctorFinding]:
    if records.schema_version == SCHEMA_VERSION:
        return []
    what = f"has tables of version {records.schema_version}; ML Metadata 1.21 uses version {SCHEMA_VERSION}"
    older = records.schema_version < SCHEMA_VERSION
    do = "copy the file, then upgrade it with ML Metadata" if older else "install the release that wrote it"
    return [DoctorFinding("error", str(file), what, do)]


def _journal(place: DatasetPaths, file: Path) -> list[DoctorFinding]:
    there = [f"{file}{suffix}" for suffix in BESIDE if Path(f"{file}{suffix}").exists()]
    if not there or place.busy:
        return []
    what = "was left by a process that was killed while it wrote"
    return [DoctorFinding("info", there[0], what, "nothing: SQLite rolls the transaction back in the next run")]


def _stale(place: DatasetPaths, file: Path, records: Records) -> list[DoctorFinding]:
    if not records.unfinished or place.busy:
        return []
    ids = [id_ for id_, _ in records.unfinished]
    runs = sorted({run for _, run in records.unfinished if run})
    named = ", ".join(runs[:3]) + (f" and {len(runs) - 3} more" if len(runs) > 3 else "")
    what = f"{_count(len(ids), 'execution')} in state running, but no run is active" + (
        f" (of {named})" if runs else ""
    )
    return [
        DoctorFinding(
            "warning", str(file), what, "--repair marks them as failed", lambda aside: _fail(file, ids, aside)
        )
    ]


def _fail(file: Path, ids: list[int], aside: SetAside) -> str:
    aside.copy_database(file)
    with closing(sqlite3.connect(file, timeout=10)) as db, db:
        done = db.executemany(
            "UPDATE Execution SET last_known_state = ?, last_update_time_since_epoch = ?"
            " WHERE last_known_state IN (?, ?) AND id = ?",
            [(FAILED, int(time.time() * 1000), NEW, RUNNING, id_) for id_ in ids],
        ).rowcount
    return f"{file}: {_count(done, 'execution')} marked as failed"


def _server(place: DatasetPaths, config: Config) -> tuple[CheckResult, CheckedStore]:
    from pipeline.metadata.connection import connect, connection_config

    where = f"{config.metadata.kind} at {config.metadata.host}"
    try:
        records = read_server(connect(connection_config(config.metadata, Path(os.devnull))))
    except (PlumblineError, OSError) as exc:
        finding = DoctorFinding(
            "error", where, line(exc, 400), "correct [metadata] in pipeline.toml, or start the server"
        )
        return checked("metadata", place.dataset, where, [finding]), CheckedStore(None, None)
    except Exception as exc:  # ML Metadata's errors have no common base class below Exception
        finding = DoctorFinding("error", where, f"cannot be read: {line(exc)}", "see the server's log")
        return checked("metadata", place.dataset, where, [finding]), CheckedStore(None, None)
    findings = []
    if records.unfinished and not place.busy:
        what = f"{_count(len(records.unfinished), 'execution')} in state running, but no run is active on this machine"
        findings.append(DoctorFinding("warning", where, what, "nothing if a run is active on another machine"))
    about = f"{where}: {len(records.runs)} runs, {records.executions} executions, {len(records.artifacts)} artifacts"
    return checked("metadata", place.dataset, about, findings), CheckedStore(records, None)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
