"""TFX's launcher with our driver and operators, on one node of the real pipeline kind."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.shared.artifacts import integrity
from components.shared.artifacts.integrity import CONTENT
from pipeline.metadata.artifact_verification import Verifier
from pipeline.metadata.connection import connect, connection_config

# TFX walks messages with a call that protobuf calls deprecated, and names our frame for it.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:label\\(\\) is deprecated")]

Run = Callable[[str], tuple[str, str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "schema.pbtxt").write_text('feature { name: "a" type: INT }')
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.runners.local.node_launcher import LocalNodes

    def once(run_id: str) -> tuple[str, str]:
        nodes = LocalNodes(
            lambda connection: Pipeline(
                "toy",
                str(home / "artifacts"),
                components=[ImportSchemaGen(schema_file=str(home / "schema.pbtxt"))],
                enable_cache=True,
                metadata_connection_config=connection,
            ),
            connection_config(None, home / "metadata.sqlite"),
            run_id,
            Verifier(home, digests=run_id.endswith("verified")),
        )
        state, outputs = nodes.launch("ImportSchemaGen")
        return state, outputs["ImportSchemaGen.schema"].uri

    return once


def test_it_is_recorded_reused_and_made_again_when_damaged(home: Path, run: Run) -> None:
    state, uri = run("first")
    assert state == "executed"
    made = integrity.load_record(uri)
    assert made is not None
    assert list(made.files) == ["schema.pbtxt"]
    store = connect(connection_config(None, home / "metadata.sqlite"))
    (artifact,) = store.get_artifacts_by_uri(uri)
    assert artifact.custom_properties[CONTENT].string_value == made.content
    assert run("second") == ("cached", uri)

    file = Path(uri) / "schema.pbtxt"
    whole, stat = file.read_text(), file.stat()
    file.write_text(whole.replace("a", "b"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run("third") == ("cached", uri)  # neither size nor time tell it
    state, again = run("fourth, verified")
    assert state == "executed"
    assert again != uri
    assert (Path(again) / "schema.pbtxt").read_text() == whole
    (artifact,) = store.get_artifacts_by_uri(uri)
    assert artifact.state == mlmd.Artifact.DELETED
    assert (home / "set-aside" / "ImportSchemaGen" / "schema" / Path(uri).name / "schema.pbtxt").exists()
    assert run("fifth") == ("cached", again)
    shutil.rmtree(again)
    assert run("sixth")[0] == "executed"
    (artifact,) = store.get_artifacts_by_uri(again)
    assert artifact.state == mlmd.Artifact.DELETED
    assert not list((home / "artifacts" / "ImportSchemaGen" / ".system" / "driver_execution").iterdir())


def test_ids_that_begin_again_do_not_write_into_folders_that_are_there(home: Path, run: Run) -> None:
    _, first = run("first")
    before = integrity.load_record(first)
    (home / "metadata.sqlite").unlink()
    state, second = run("second")
    assert (state, second) == ("executed", f"{first}-2")
    assert integrity.check_artifact(first, before, digests=True) == []
    assert integrity.check_artifact(second, integrity.load_record(second), digests=True) == []
    assert run("third") == ("cached", second)
