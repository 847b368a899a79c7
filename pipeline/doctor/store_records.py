"""Reads the records of a metadata store by SQL, which is fast and works without importing ML Metadata."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from components.shared.artifacts.integrity import CONTENT
from pipeline.metadata.store_identity import KIND

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store

SCHEMA_VERSION = 10
"""Version of the tables that ML Metadata 1.21 reads and writes."""
NEW, RUNNING, COMPLETE, FAILED, CACHED = 1, 2, 3, 4, 5
"""ML Metadata's Execution.State."""
LIVE, DELETED = 2, 4
"""ML Metadata's Artifact.State."""
BESIDE = ("-journal", "-wal", "-shm")
"""Suffixes of the files that SQLite keeps beside a database during a transaction."""


@dataclass(frozen=True)
class ArtifactRow:
    """A row of the table Artifact.

    Attributes:
      id: Artifact id.
      uri: Folder of the artifact.
      state: ML Metadata's Artifact.State.
      content: Custom property CONTENT, the digest of the files; "" if it was not recorded.
    """

    id: int
    uri: str
    state: int
    content: str


@dataclass(frozen=True)
class Records:
    """The records of a store.

    Attributes:
      schema_version: Version of the tables; 0 if it is not recorded.
      executions: Number of executions.
      unfinished: Id and run of each execution in state new or running; the run is "" if unknown.
      artifacts: All artifacts.
      runs: Ids of all runs.
      identity: Identity of the store, see pipeline/metadata/store_identity.py; "" if it has none.
      last_execution: The largest execution id that was ever assigned.
    """

    schema_version: int
    executions: int
    unfinished: tuple[tuple[int, str], ...]
    artifacts: tuple[ArtifactRow, ...]
    runs: frozenset[str]
    identity: str = ""
    last_execution: int = 0


def damage(file: Path, *, quick: bool = False) -> str:
    """Checks a SQLite file.

    Args:
      file: The file.
      quick: Use SQLite's quick_check instead of integrity_check.

    Returns:
      A short description of the damage; "" if there is none.
    """
    try:
        size = file.stat().st_size
        if size == 0:
            return "is empty (0 bytes)"
        with opened(file) as db:
            rows = db.execute(f"PRAGMA {'quick_check' if quick else 'integrity_check'}(3)").fetchall()
            found = "; ".join(str(row[0]) for row in rows)
            if found != "ok":
                return f"is damaged: {_short(found)}"
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except (sqlite3.Error, OSError, UnicodeDecodeError) as exc:
        return f"cannot be read as SQLite: {_short(str(exc))}"
    missing = {"Artifact", "Execution", "Context", "Event", "Type", "Association", "MLMDEnv"} - tables
    return f"has no table {', '.join(sorted(missing))}: it is no metadata store" if missing else ""


def read(file: Path) -> Records:
    """Reads the records of a SQLite store.

    Raises:
      sqlite3.Error: The file cannot be read.
    """
    with opened(file) as db:
        version = db.execute("SELECT max(schema_version) FROM MLMDEnv").fetchone()[0] or 0
        unfinished = db.execute(
            "SELECT e.id, coalesce((SELECT c.name FROM Association a JOIN Context c ON c.id = a.context_id"
            " JOIN Type t ON t.id = c.type_id WHERE a.execution_id = e.id AND t.name = 'pipeline_run'), '')"
            " FROM Execution e WHERE e.last_known_state IN (?, ?) ORDER BY e.id",
            (NEW, RUNNING),
        ).fetchall()
        artifacts = db.execute(
            "SELECT a.id, coalesce(a.uri, ''), coalesce(a.state, 0), coalesce(p.string_value, '') FROM Artifact a"
            " LEFT JOIN ArtifactProperty p ON p.artifact_id = a.id AND p.name = ? AND p.is_custom_property"
            " ORDER BY a.id",
            (CONTENT,),
        ).fetchall()
        runs = db.execute(
            "SELECT c.name FROM Context c JOIN Type t ON t.id = c.type_id WHERE t.name = 'pipeline_run'"
        ).fetchall()
        executions = db.execute("SELECT count(*) FROM Execution").fetchone()[0]
        last = db.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'Execution'").fetchone()[0] or 0
        identity = db.execute(
            "SELECT c.name FROM Context c JOIN Type t ON t.id = c.type_id WHERE t.name = ? ORDER BY c.id LIMIT 1",
            (KIND,),
        ).fetchone()
    return Records(
        version,
        executions,
        tuple((int(id_), str(run)) for id_, run in unfinished),
        tuple(ArtifactRow(*row) for row in artifacts),
        frozenset(str(row[0]) for row in runs),
        str(identity[0]) if identity else "",
        int(last),
    )


def read_server(store: "metadata_store.MetadataStore") -> Records:
    """Reads the records of a store on a server."""
    executions = store.get_executions()
    unfinished = []
    for one in executions:
        if one.last_known_state in (NEW, RUNNING):
            contexts = {context.type: context.name for context in store.get_contexts_by_execution(one.id)}
            unfinished.append((one.id, contexts.get("pipeline_run", "")))
    artifacts = tuple(
        ArtifactRow(
            one.id,
            one.uri,
            one.state,
            one.custom_properties[CONTENT].string_value if CONTENT in one.custom_properties else "",
        )
        for one in store.get_artifacts()
    )
    runs = frozenset(context.name for context in store.get_contexts_by_type("pipeline_run"))
    return Records(SCHEMA_VERSION, len(executions), tuple(unfinished), artifacts, runs)


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Opens a SQLite file for reading without changing it.

    If a killed process left a "hot" journal, SQLite has to roll the transaction back before reading; then a copy of the
    file is opened.
    """
    if not any(_there(Path(f"{file}{suffix}")) for suffix in BESIDE):
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=10)) as db:
            yield db
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        for suffix in ("", *BESIDE[:2]):
            if Path(f"{file}{suffix}").is_file():
                shutil.copyfile(f"{file}{suffix}", f"{copy}{suffix}")
        with closing(sqlite3.connect(copy)) as db:
            yield db


def _there(file: Path) -> bool:
    try:
        return os.path.getsize(file) > 0
    except OSError:
        return False


def _short(text: str, most: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]} ..."
