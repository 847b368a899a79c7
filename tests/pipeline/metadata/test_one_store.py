"""Whatever asks ML Metadata asks the store that [metadata] names; one module composes where the SQLite file lies."""

import ast
import socket
from pathlib import Path

import pytest

import pipeline
from components.shared.errors import UsageError
from components.shared.files import write_json
from pipeline.cli.command_line import main
from pipeline.export.mlflow import export
from pipeline.metadata.connection import known_store
from pipeline.notebook_views.last_run import store_of
from pipeline.settings.config import load_config
from tests.pipeline.report.a_run import RUN, summary

OTHER = "20261121T100000Z-bbbb"


@pytest.fixture
def on_a_server(project):
    """A dataset whose metadata is on a PostgreSQL server that does not answer; returns where that would be."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = Path("schemas/flights/pipeline.toml")
    table = f'\n[metadata]\nkind = "postgresql"\nhost = "127.0.0.1"\nport = {port}\ndatabase = "runs"\nuser = "u"\n'
    file.write_text(file.read_text(encoding="utf-8") + table, encoding="utf-8")
    for run_id in (RUN, OTHER):
        write_json(Path("runs/flights/reports") / run_id / "summary.json", summary(run_id=run_id))
    return f"PostgreSQL at 127.0.0.1:{port}: the server cannot be reached"


@pytest.mark.parametrize(
    "command",
    [
        ("report",),
        ("report", "--compare", RUN, OTHER),
        ("compare", RUN, OTHER),
        ("export", "mlflow", "--tracking-uri", "x"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_commands_ask_the_server(on_a_server, capsys, command):
    assert main([*command, "--dataset", "flights"]) == 2
    assert on_a_server in capsys.readouterr().err


def test_notebooks_and_the_export_after_a_run_ask_the_server(on_a_server):
    with pytest.raises(UsageError, match=on_a_server):
        store_of(Path("runs"), "flights")
    config = load_config(Path("schemas/flights/pipeline.toml"))
    with pytest.raises(UsageError, match=on_a_server):
        export(config, Path("runs"), RUN, "sqlite:///x.db")


def test_without_a_file_there_is_no_store_and_none_is_made(tmp_path):
    assert known_store(None, tmp_path) is None
    assert not [*tmp_path.iterdir()]


def test_one_module_names_the_file():
    root = Path(pipeline.__file__).parent
    naming = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == "metadata.sqlite"
    }
    assert naming == {"metadata/connection.py"}
