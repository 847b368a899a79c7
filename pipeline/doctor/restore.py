"""Replaces a damaged or lost metadata.sqlite by the newest undamaged backup or a new store.

Runs in reports/ that are missing in the store are added, each with one execution of type REBUILT, which holds fields of
the run's summary. Inputs and outputs of their components are lost. New executions are numbered above the highest
existing artifact folder, so that no folder is written twice.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from components.shared.errors import PlumblineError
from components.shared.files import sync
from pipeline.doctor.artifact_folders import highest_execution
from pipeline.doctor.finding import line
from pipeline.doctor.set_aside import SetAside
from pipeline.doctor.store_records import BESIDE, SCHEMA_VERSION, damage, read
from pipeline.metadata.backups import FOLDER
from pipeline.metadata.connection import metadata_file
from pipeline.metadata.store_identity import FILE, KIND
from pipeline.metadata.summary_files import read_summary
from pipeline.run_history.metadata_graph import REBUILT


def good_backups(home: Path) -> Iterator[Path]:
    """Yields undamaged backups of the metadata, newest first: their names hold run ids, which begin with the time."""
    for path in sorted((home / FOLDER).glob("metadata-*.sqlite"), key=lambda one: one.name, reverse=True):
        if path.is_file() and not damage(path):
            with suppress(sqlite3.Error):
                if read(path).schema_version == SCHEMA_VERSION:
                    yield path


def newest_backup(home: Path) -> Path | None:
    """Returns the newest undamaged backup of the metadata; None if there is none."""
    return next(good_backups(home), None)


def restore(home: Path, aside: SetAside, backup: Path | None) -> str:
    """Replaces <home>/metadata.sqlite and keeps a copy of the old file.

    Args:
      home: <root>/<dataset>.
      aside: Folder for the old file.
      backup: The backup to restore; None creates a new store.

    Returns:
      A line about the repair.

    Raises:
      PlumblineError: A new store is needed, and ML Metadata cannot be imported.
      OSError: A file cannot be written.
    """
    file, new = metadata_file(home), home / f".metadata.sqlite.{os.getpid()}"
    try:
        if backup is not None:
            shutil.copyfile(backup, new)
        added = _add_runs(new, home)
        number_from(new, _highest(home))
        if wrong := damage(new):
            raise PlumblineError(f"{new}: {wrong}; nothing was changed")
        sync(new)
        aside.copy_database(file)
        for suffix in BESIDE:
            # The journal of the damaged file: SQLite would apply it to the new one.
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        os.replace(new, file)
        sync(home)
    finally:
        for suffix in ("", *BESIDE):
            Path(f"{new}{suffix}").unlink(missing_ok=True)
    runs = f"{added} run{'' if added == 1 else 's'}"
    if backup is not None:
        more = f"; {runs} missing in it added from summaries" if added else ""
        return f"{file}: restored from {backup}{more}"
    return f"{file}: created anew with {runs} from summaries; the lineage of their artifacts is lost"


def number_on(home: Path, file: Path, aside: SetAside) -> str:
    """Makes an outdated store continue the numbering of executions after the newest artifacts.

    Args:
      home: <root>/<dataset>.
      file: The SQLite file.
      aside: Folder for a copy of the file.

    Returns:
      A line about the repair.
    """
    aside.copy_database(file)
    number_from(file, _highest(home))
    return f"{file}: the next execution gets the number {_highest(home) + 1}"


def _highest(home: Path) -> int:
    """The largest execution number in the artifact folders and the record beside them."""
    seen = 0
    with suppress(OSError, ValueError, KeyError, TypeError):
        seen = int(json.loads((home / "artifacts" / FILE).read_text(encoding="utf-8"))["executions"])
    return max(seen, highest_execution(home))


def number_from(file: Path, highest: int) -> None:
    """Sets the counter of a SQLite store so that its next execution gets an id above `highest`."""
    with closing(sqlite3.connect(file, timeout=10)) as db, db:
        known = db.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'Execution'").fetchone()[0]
        if known is None:
            db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('Execution', ?)", (highest,))
        elif known < highest:
            db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'Execution'", (highest,))


def _add_runs(file: Path, home: Path) -> int:
    """Adds the runs whose summaries can be read and that the store does not know; makes the store if need be."""
    summaries = [found for folder in _run_folders(home) if (found := read_summary(folder).content)]
    if file.exists():
        known = read(file).runs
        summaries = [one for one in summaries if one["run_id"] not in known]
        if not summaries:
            return 0
    try:
        from ml_metadata.metadata_store import metadata_store

        from pipeline.metadata.connection import connection_config

        store = metadata_store.MetadataStore(connection_config(None, file))
    except Exception as exc:  # ImportError; ML Metadata's errors have no common base class below Exception
        raise PlumblineError(
            f"{file}: cannot be created ({line(exc)}); run plumbline doctor --repair in a working installation"
        ) from exc
    if not store.get_contexts_by_type(KIND):
        _identify(store, home)
    for summary in summaries:
        _add_run(store, home, summary)
    del store
    return len(summaries)


def _identify(store: Any, home: Path) -> None:
    """Gives a new store the identity in the record beside the artifacts."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    with suppress(OSError, ValueError, KeyError, TypeError):
        name = str(json.loads((home / "artifacts" / FILE).read_text(encoding="utf-8"))["id"])
        kind = store.put_context_type(mlmd.ContextType(name=KIND))
        store.put_contexts([mlmd.Context(type_id=kind, name=name)])


def _run_folders(home: Path) -> list[Path]:
    reports = home / "reports"
    return sorted(path for path in reports.iterdir() if path.is_dir()) if reports.is_dir() else []


def _add_run(store: Any, home: Path, summary: Mapping[str, Any]) -> None:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    kinds = {name: _context_type(store, name) for name in ("pipeline", "pipeline_run")}
    contexts = [
        mlmd.Context(type_id=kinds["pipeline"], name=home.name),
        mlmd.Context(type_id=kinds["pipeline_run"], name=summary["run_id"]),
    ]
    kind = store.put_execution_type(mlmd.ExecutionType(name=REBUILT))
    state = mlmd.Execution.COMPLETE if summary.get("stopped") is None else mlmd.Execution.FAILED
    execution = mlmd.Execution(type_id=kind, name=f"{REBUILT} {summary['run_id']}", last_known_state=state)
    execution.custom_properties["summary"].string_value = str(home / "reports" / summary["run_id"] / "summary.json")
    for name in ("spans", "fingerprints", "metrics"):
        execution.custom_properties[name].string_value = json.dumps(summary.get(name) or {}, sort_keys=True)
    if summary.get("pushed") is not None:
        execution.custom_properties["pushed"].int_value = int(summary["pushed"])
    store.put_execution(execution, [], contexts, reuse_context_if_already_exist=True)


def _context_type(store: Any, name: str) -> int:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    try:
        return int(store.get_context_type(name).id)
    except Exception:  # NotFoundError
        return int(store.put_context_type(mlmd.ContextType(name=name)))
