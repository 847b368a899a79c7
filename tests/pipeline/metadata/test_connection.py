"""Connections: what the settings come to, what is refused; and histories on real PostgreSQL and MariaDB servers."""

import shutil
import subprocess
import sys
from dataclasses import dataclass

import pytest

from benchmarks.synthetic_history import History
from components.shared.errors import ConfigError, UsageError
from pipeline.metadata.connection import connect, connection_config
from pipeline.run_history.compare_runs import compare_runs
from pipeline.run_history.downstream import downstream
from pipeline.run_history.garbage_collection import collect
from pipeline.run_history.lineage import model_lineage
from pipeline.run_history.runs import history as history_of
from tests.pipeline.metadata_servers import DATABASE, PASSWORD, SERVERS, USER


@dataclass(frozen=True)
class Settings:
    kind: str
    host: str = "127.0.0.1"
    port: int = 0
    database: str = DATABASE
    user: str = USER
    password_variable: str = "PLUMBLINE_TEST_PASSWORD"


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("PLUMBLINE_TEST_PASSWORD", PASSWORD)


def test_sqlite_is_the_default(tmp_path):
    for settings in (None, Settings("sqlite")):
        config = connection_config(settings, tmp_path / "metadata.sqlite")
        assert config.sqlite.filename_uri == str(tmp_path / "metadata.sqlite")
        assert not config.HasField("mysql")


def test_mysql(tmp_path):
    mysql = connection_config(Settings("mysql"), tmp_path).mysql
    assert (mysql.host, mysql.port, mysql.database) == ("127.0.0.1", 3306, DATABASE)
    assert (mysql.user, mysql.password) == (USER, PASSWORD)


def test_postgresql(tmp_path):
    server = connection_config(Settings("postgresql", port=1234), tmp_path).postgresql
    assert (server.host, server.port, server.dbname) == ("127.0.0.1", "1234", DATABASE)
    assert (server.user, server.password) == (USER, PASSWORD)


def test_no_password_variable_is_no_password(tmp_path):
    assert connection_config(Settings("mysql", password_variable=""), tmp_path).mysql.password == ""


def test_password_variable_that_is_not_set(tmp_path, monkeypatch):
    monkeypatch.delenv("PLUMBLINE_TEST_PASSWORD")
    with pytest.raises(ConfigError, match="PLUMBLINE_TEST_PASSWORD is not set in the environment"):
        connection_config(Settings("mysql"), tmp_path)


@pytest.mark.parametrize(("kind", "named"), [("mysql", "MySQL"), ("postgresql", "PostgreSQL")])
def test_no_server_answers(kind, named, tmp_path):
    config = connection_config(Settings(kind, port=1), tmp_path)
    with pytest.raises(UsageError, match=f"{named} at 127.0.0.1:1: the server cannot be reached"):
        connect(config)


def test_reading_makes_no_file(tmp_path):
    with pytest.raises(UsageError, match="the metadata store does not exist"):
        connect(connection_config(None, tmp_path / "metadata.sqlite"), read_only=False)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request):
    with SERVERS[request.param]() as running:
        yield running


def _settings(server, **other):
    return Settings(**{"kind": server.kind, "host": server.host, "port": server.port, **other})


@pytest.fixture(scope="module")
def history(server, tmp_path_factory):
    """Twelve runs, the odd ones pushed, in a database that was not there before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLUMBLINE_TEST_PASSWORD", PASSWORD)
        config = connection_config(_settings(server), tmp_path_factory.mktemp("none"))
    made = History(tmp_path_factory.mktemp("runs") / "flights", connection=config)
    for number in range(1, 13):
        made.add(train=[number, number + 1], evaluation=number + 2, push=number % 2 == 1)
    return made


@pytest.mark.slow
def test_looking_back_on_a_server(server, history, tmp_path):
    store = connect(connection_config(_settings(server), tmp_path))
    found = model_lineage(store, 3, history.run_ids[4], history.registry)
    assert [row.span for row in found.spans] == [5, 6, 7]
    assert [parent.version for parent in found.parents] == [2, 1]
    assert next(step for step in found.steps if step.component == "ImportSchemaGen").cached
    assert [use.run_id for use in downstream(store, "3", history.registry).runs] == history.run_ids[2::-1]
    assert compare_runs(store, history.home, history.run_ids[0], history.run_ids[1]).verdict == "data-centric"
    assert len(history_of(history.home, store)) == 12


@pytest.mark.slow
def test_deleting_on_a_server(server, history, tmp_path):
    store = connect(connection_config(_settings(server), tmp_path), read_only=False)
    home = tmp_path / "copy"
    shutil.copytree(history.home, home)
    found = collect(store, history.home, history.registry, keep=1)
    assert {run.run_id for run in found.kept} == {history.run_ids[index] for index in (11, 10, 8)}
    folders = {int(path.name) for path in (history.home / "artifacts" / "Trainer" / "model").iterdir()}
    assert len(folders) == 3


@pytest.mark.slow
def test_refused(server, history, tmp_path, monkeypatch):
    monkeypatch.setenv("PLUMBLINE_TEST_PASSWORD", "wrong-password")
    with pytest.raises(UsageError, match=f"refuses user {USER} or database {DATABASE}") as refused:
        connect(connection_config(_settings(server), tmp_path))
    assert "wrong-password" not in str(refused.value)


@pytest.mark.slow
def test_the_library_does_not_chatter(server, history, tmp_path):
    code = (
        "from tests.pipeline.metadata.test_connection import Settings\n"
        "from pipeline.metadata.connection import connect, connection_config\n"
        "from pathlib import Path\n"
        f"connect(connection_config(Settings({server.kind!r}, port={server.port}), Path('none'))).get_contexts()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=".")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.slow
def test_tfx_works_on_it(server, tmp_path):
    """TFX itself publishes to the server, and serves the second time from the cache."""
    from ml_metadata.metadata_store import metadata_store
    from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline

    schema = tmp_path / "schema.pbtxt"
    schema.write_text('feature { name: "late" type: INT }')
    config = connection_config(_settings(server, database="by_tfx"), tmp_path)
    for _ in range(2):
        node = ImportSchemaGen(schema_file=str(schema))
        LocalDagRunner().run(Pipeline("flights", str(tmp_path / "artifacts"), config, [node], enable_cache=True))
    executions = metadata_store.MetadataStore(config).get_executions()
    assert sorted(one.last_known_state for one in executions) == [3, 5]  # COMPLETE, CACHED
