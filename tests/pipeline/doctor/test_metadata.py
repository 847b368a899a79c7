"""A metadata store that is damaged, lost, old or of another root, and executions that nobody runs any more."""

import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.shared.errors import UsageError
from pipeline.doctor.store_records import damage, read
from pipeline.metadata.connection import connect, connection_config
from pipeline.metadata.store_identity import record_executions
from pipeline.process.run_lock import run_lock
from pipeline.run_history.metadata_graph import executions_of_run, run_ids


def _garbage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 200] = os.urandom(200)
    file.write_bytes(content)


DAMAGES = {
    "empty": lambda file: file.write_bytes(b""),
    "truncated": lambda file: os.truncate(file, file.stat().st_size // 2),
    "not a whole page": lambda file: os.truncate(file, file.stat().st_size - 1000),
    "garbage pages": _garbage,
    "no database": lambda file: file.write_bytes(b"this is a text\n" * 1000),
    "lost": lambda file: file.unlink(),
    "another database": lambda file: _other_database(file),
}


def _other_database(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE t (a)")


def _back_up(runs) -> None:
    target = runs.home / "backups" / "metadata-20260101T000000Z-0000.sqlite"
    target.parent.mkdir()
    shutil.copy(runs.metadata, target)


def test_nothing_wrong(runs):
    before = runs.files()
    assert runs.found() == []
    assert runs.found(digests=True) == []
    assert runs.files() == before


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_with_a_backup(runs, kind):
    _back_up(runs)
    known = read(runs.metadata)
    DAMAGES[kind](runs.metadata)
    ((check, severity, _),) = runs.found("metadata")
    assert (check, severity) == ("metadata", "error")
    done = runs.repair()
    assert done.count("error") == 0, done
    assert damage(runs.metadata) == ""
    assert read(runs.metadata) == known
    assert runs.found() == []


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_without_a_backup(runs, kind):
    DAMAGES[kind](runs.metadata)
    bad = runs.metadata.read_bytes() if runs.metadata.exists() else None
    artifacts = {name: content for name, content in runs.files().items() if re.search(r"/artifacts/(\w|\.rec)", name)}
    done = runs.repair()
    assert done.count("error") == 0, done
    store = connect(connection_config(None, runs.metadata))
    assert sorted(run_ids(store)) == runs.history.run_ids
    (rebuilt,) = executions_of_run(store, runs.history.run_ids[1])
    assert rebuilt.is_rebuilt
    assert rebuilt.parameters["pushed"] == 2
    # All that was there is still there, in the folder that the repair names.
    (aside,) = map(Path, done.set_aside)
    if bad is not None:
        assert (aside / "metadata.sqlite").read_bytes() == bad
    below = f"flights/{aside.relative_to(runs.home)}/"
    assert {name.replace("flights/", below, 1): content for name, content in artifacts.items()}.items() <= (
        runs.files().items()
    )
    assert runs.found() == []


def test_a_damaged_backup_is_passed_over(runs):
    _back_up(runs)
    known = read(runs.metadata)
    newer = runs.home / "backups" / "metadata-20260102T000000Z-0000.sqlite"
    newer.write_bytes(runs.metadata.read_bytes()[:5000])
    runs.metadata.write_bytes(b"")
    runs.repair()
    assert read(runs.metadata) == known


def test_the_next_execution_is_numbered_above_all_folders(runs):
    highest = max(int(path.name) for path in (runs.home / "artifacts").glob("*/*/[0-9]*"))
    runs.metadata.unlink()
    runs.repair()
    store = connect(connection_config(None, runs.metadata), read_only=False)
    kind = store.put_execution_type(mlmd.ExecutionType(name="a"))
    assert store.put_executions([mlmd.Execution(type_id=kind)])[0] > highest


def test_what_an_old_backup_does_not_know(runs):
    """Its newer runs come from their summaries, artifacts that it does not know are set aside."""
    _back_up(runs)
    run_id = runs.history.add(train=[3, 4], evaluation=5)
    runs.metadata.write_bytes(b"")
    runs.repair()
    store = connect(connection_config(None, runs.metadata))
    assert sorted(run_ids(store)) == runs.history.run_ids
    assert [one.is_rebuilt for one in executions_of_run(store, run_id)] == [True]
    known = {one.uri for one in read(runs.metadata).artifacts}
    assert {str(path) for path in (runs.home / "artifacts").glob("[!.]*/*/[0-9]*")} == known
    assert runs.found() == []


def test_executions_of_killed_runs(runs):
    run_id = runs.history.add(train=[3, 4], evaluation=5, until="Trainer")
    ((_, severity, what),) = runs.found("metadata")
    assert severity == "warning"
    assert what == f"1 execution in state running, but no run is active (of {run_id})"
    assert runs.repair().count("warning") == 0
    store = connect(connection_config(None, runs.metadata))
    assert [one.state for one in executions_of_run(store, run_id)][-1] == "failed"


def test_a_half_written_transaction_is_no_damage(runs):
    """A process that is killed while SQLite writes leaves a journal; the next one that writes undoes the half of it."""
    child = os.fork()
    if child == 0:
        db = sqlite3.connect(runs.metadata, isolation_level=None)
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN")
        db.execute("UPDATE ArtifactProperty SET string_value = string_value || 'x'")
        os._exit(0)
    os.waitpid(child, 0)
    journal = Path(f"{runs.metadata}-journal")
    assert journal.stat().st_size > 0
    before = runs.files()
    assert runs.found() == []
    assert runs.files() == before


def test_a_copied_root(runs, project):
    """Its metadata name the artifacts of the root that it was copied from."""
    copy = project / "copy"
    shutil.copytree(runs.root, copy)
    runs.root = copy
    runs.home = copy / "flights"
    assert [(check, severity) for check, severity, _ in runs.found()] == [("artifacts", "error")]
    runs.repair()
    assert runs.found() == []
    assert all(one.uri.startswith(str(copy)) for one in read(runs.home / "metadata.sqlite").artifacts)
    assert not list((runs.home / "backups").glob("*/artifacts"))


def test_an_older_copy(runs):
    """Somebody copied an old backup over the newest metadata: the backup that has counted further is restored."""
    old = runs.metadata.read_bytes()
    runs.history.add(train=[3, 4], evaluation=5)
    record_executions(runs.home, runs.history.store)
    _back_up(runs)
    newest = read(runs.metadata)
    runs.metadata.write_bytes(old)
    ((_, severity, what), *_) = runs.found("metadata")
    assert severity == "error"
    assert "it is an older copy" in what
    assert runs.repair().count("error") == 0
    assert read(runs.metadata) == newest
    assert runs.found() == []


def test_a_store_of_another_root(runs, project):
    other = type(runs)(project / "other")
    shutil.copy(other.metadata, runs.metadata)
    assert any("belongs to other artifacts" in what for _, severity, what in runs.found("metadata"))
    assert runs.repair().count("error") == 0
    assert runs.found() == []


def test_refused_while_a_run_is_under_way(runs):
    runs.metadata.write_bytes(b"")
    before = runs.files()
    with run_lock(runs.home), pytest.raises(UsageError, match="already under way"):
        runs.repair()
    assert runs.files() == before
