"""Executions that a killed run left in state RUNNING are marked as failed; others are left alone."""

from pathlib import Path

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.shared.errors import UsageError
from pipeline.metadata.connection import connection_config
from pipeline.metadata.open_executions import interrupted_runs, mark_failed
from pipeline.process.run_folder import run_place

STATES = {"running": mlmd.Execution.RUNNING, "complete": mlmd.Execution.COMPLETE, "cached": mlmd.Execution.CACHED}


@pytest.fixture
def connection(tmp_path):
    return connection_config(None, tmp_path / "metadata.sqlite")


def fill(connection, *runs: str) -> metadata_store.MetadataStore:
    """Executions in every state, in each of these runs."""
    store = metadata_store.MetadataStore(connection)
    kind = store.put_execution_type(mlmd.ExecutionType(name="Trainer"))
    run = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    for run_id in runs:
        (context,) = store.put_contexts([mlmd.Context(type_id=run, name=run_id)])
        for name, state in STATES.items():
            execution = mlmd.Execution(type_id=kind, name=f"{run_id} {name}", last_known_state=state)
            store.put_execution(execution, [], [store.get_contexts_by_id([context])[0]], True)
    return store


def states(store) -> dict[str, int]:
    return {execution.name: execution.last_known_state for execution in store.get_executions()}


def test_only_the_running_ones_of_these_runs(connection):
    store = fill(connection, "killed", "other")
    before = states(store)
    assert mark_failed(connection, ["killed", "unknown"]) == 1
    assert states(store) == {**before, "killed running": mlmd.Execution.FAILED}
    assert mark_failed(connection, ["killed"]) == 0


def test_without_metadata_there_is_nothing_to_mark(connection, tmp_path):
    assert mark_failed(connection, ["killed"]) == 0
    assert not (tmp_path / "metadata.sqlite").exists()


def test_a_run_begins_with_what_killed_ones_left(connection, tmp_path):
    store = fill(connection, "1-killed", "2-done", "3-now")
    for run_id in ("1-killed", "2-done", "3-now"):
        (tmp_path / "reports" / run_id).mkdir(parents=True)
        (tmp_path / "reports" / run_id / "run.log").touch()
    (tmp_path / "reports" / "2-done" / "summary.json").touch()
    assert interrupted_runs(tmp_path) == ["3-now", "1-killed"]
    left = tmp_path / "artifacts" / "Trainer" / ".system" / "executor_execution" / "7" / ".temp"
    left.mkdir(parents=True)
    with run_place(tmp_path, "3-now", connection):
        found = states(store)
        assert found["1-killed running"] == mlmd.Execution.FAILED
        assert found["2-done running"] == found["3-now running"] == mlmd.Execution.RUNNING
        assert not left.exists()
    assert not list((tmp_path / ".tmp").iterdir())


def test_an_interrupted_run_closes_its_own(connection, tmp_path):
    store = fill(connection, "now")
    left = tmp_path / "artifacts" / "Trainer" / ".system" / "executor_execution" / "7" / ".temp"

    def interrupted() -> None:
        with run_place(tmp_path, "now", connection):
            left.mkdir(parents=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert states(store)["now running"] == mlmd.Execution.FAILED
    assert not left.exists()


@pytest.mark.parametrize("content", [b"x" * 5000, b"SQLite format 3\0" + b"\1" * 5000])
def test_a_damaged_store_points_to_the_doctor_in_one_short_line(connection, tmp_path, content):
    Path(connection.sqlite.filename_uri).write_bytes(content)
    with pytest.raises(UsageError) as refused:
        mark_failed(connection, ["killed"])
    assert str(refused.value) == (
        f"{tmp_path}/metadata.sqlite: is damaged, or is no ML Metadata (file is not a database); run `plumbline doctor`"
    )
