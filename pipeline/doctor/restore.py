"""A new metadata.sqlite in place of a damaged or lost one: the newest good backup, or a store made anew.

What neither has is rebuilt as far as it can be: each run that reports/ knows becomes a run of the store again, with one
execution of type REBUILT that holds what its summary says. What its components read and made is not known any more.
New executions are numbered from above the highest number of which there is a folder: none is written twice.
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
    """The copies of the metadata that are whole, newest first: their names are run ids, which begin with the time."""
    for path in sorted((home / FOLDER).glob("metadata-*.sqlite"), key=lambda one: one.name, reverse=True):
        if path.is_file() and not damage(path):
            with suppress(sqlite3.Error):
                if read(path).schema_version == SCHEMA_VERSION:
                    yield path


def newest_backup(home: Path) -> Path | None:
    """The newest copy of the metadata that is whole; None if there is none."""
    return next(good_backups(home), None)


def restore(home: Path, aside: SetAside, backup: Path | None) -> str:
    """Puts a whole store in the place of <home>/metadata.sqlite, which is kept; returns what was done.

    Args:
      home: <root>/<dataset>.
      aside: Where the old one is kept.
      backup: The copy to restore; None makes a new store.

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
            # Of the damaged file: SQLite would apply it to the new one.
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        os.replace(new, file)
        sync(home)
    finally:
        for suffix in ("", *BESIDE):
            Path(f"{new}{suffix}").unlink(missing_ok=True)
    runs = f"{added} run{'' if added == 1 else 's'}"
    if backup is not None:
        more = f"; {runs} that it did not know were added from their summaries" if added else ""
        return f"{file}: restored from {backup}{more}"
    return f"{file}: made anew, with {runs} from their summaries; how their artifacts were made is not known any more"


def number_on(home: Path, file: Path, aside: SetAside) -> str:
    """Makes a store that is older than the artifacts beside it go on where those end; returns what was done."""
    aside.copy_database(file)
    number_from(file, _highest(home))
    return f"{file}: the next execution gets the number {_highest(home) + 1}"


def _highest(home: Path) -> int:
    """The largest number of an execution that the artifacts have seen."""
    seen = 0
    with suppress(OSError, ValueError, KeyError, TypeError):
        seen = int(json.loads((home / "artifacts" / FILE).read_text(encoding="utf-8"))["executions"])
    return max(seen, highest_execution(home))


def number_from(file: Path, highest: int) -> None:
    """Makes the store give its next execution a number above `highest`."""
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
    except Exception as exc:  # ImportError; ML Metadata's errors share no class with Python's
        raise PlumblineError(
            f"{file}: cannot be made ({line(exc)}); run plumbline doctor --repair where ML Metadata works"
        ) from exc
    if not store.get_contexts_by_type(KIND):
        _identify(store, home)
    for summary in summaries:
        _add_run(store, home, summary)
    del store
    return len(summaries)


def _identify(store: Any, home: Path) -> None:
    """Gives a new store the identity that the artifacts beside it know."""
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
