"""One node run by TFX, recorded without it, run by TFX again: on SQLite and on real servers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata.artifact_verification import Verifier
from pipeline.metadata.connection import connection_config
from pipeline.runners.local.cache_record import nodes_of_run
from pipeline.runners.local.cached_nodes import CachedNodes, reusable
from tests.pipeline.metadata.test_connection import Settings
from tests.pipeline.metadata_servers import PASSWORD, SERVERS

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", *sorted(SERVERS)])
def connection(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[mlmd.ConnectionConfig]:
    if request.param == "sqlite":
        yield connection_config(None, tmp_path / "metadata.sqlite")
        return
    monkeypatch.setenv("PLUMBLINE_TEST_PASSWORD", PASSWORD)
    with SERVERS[request.param]() as server:
        yield connection_config(Settings(kind=server.kind, host=server.host, port=server.port), tmp_path)


def run_by_tfx(connection: mlmd.ConnectionConfig, folder: Path) -> str:
    """One run of a schema importer by TFX's own runner; returns its run's name."""
    from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline

    schema = folder / "schema.pbtxt"
    schema.write_text('feature { name: "late" type: INT }')
    node = ImportSchemaGen(schema_file=str(schema))
    LocalDagRunner().run(Pipeline("toy", str(folder / "artifacts"), connection, [node], enable_cache=True))
    runs = metadata_store.MetadataStore(connection).get_contexts_by_type("pipeline_run")
    return str(max(runs, key=lambda run: run.id).name)


def told(store: metadata_store.MetadataStore, run_id: str) -> dict[str, Any]:
    """All that the store holds of a run of one node, but for ids, random names and times."""
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    (execution,) = store.get_executions_by_context(run.id)
    events = store.get_events_by_execution_ids([execution.id])
    return {
        "type": execution.type_id,
        "state": execution.last_known_state,
        "properties": {name: str(value) for name, value in execution.properties.items()},
        "custom_properties": {name: str(value) for name, value in execution.custom_properties.items()},
        "events": [(event.artifact_id, event.type, str(event.path)) for event in events],
        "contexts": sorted((c.type, c.name) for c in store.get_contexts_by_execution(execution.id) if c.id != run.id),
        "artifacts": [artifact.id for artifact in store.get_artifacts_by_context(run.id)],
        "parents": [parent.name for parent in store.get_parent_contexts_by_context(run.id)],
    }


def test_recorded_as_tfx_records_it(connection: mlmd.ConnectionConfig, tmp_path: Path) -> None:
    first = run_by_tfx(connection, tmp_path)
    store = metadata_store.MetadataStore(connection)
    nodes = CachedNodes(store, reusable(store, "toy", nodes_of_run(store, first), Verifier(tmp_path)), "reused")
    assert nodes.ids == ["ImportSchemaGen"]
    state, outputs = nodes.launch("ImportSchemaGen")
    assert state == "cached"
    assert (Path(outputs["ImportSchemaGen.schema"].uri) / "schema.pbtxt").is_file()
    again = run_by_tfx(connection, tmp_path)
    assert told(store, "reused")["state"] == mlmd.Execution.CACHED
    assert told(store, "reused") == told(store, again)
    assert nodes_of_run(store, again) == nodes_of_run(store, first)
