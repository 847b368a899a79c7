"""Questions to ML Metadata: what a pushed model was made from.

Uses ML Metadata alone, no TFX: looking back must not take TensorFlow's import time.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.errors import UsageError


@dataclass(frozen=True)
class SpanRead:
    """One span file that went into a model."""

    split: str
    span: int
    name: str
    sha256: str
    rows: int
    unlabelled: int


@dataclass(frozen=True)
class Step:
    """One execution on the way to the model."""

    component: str
    execution: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Lineage:
    """Where a version came from. `schema` is the curated schema's copy, whose folder carries its SHA-256."""

    version: int
    run_id: str
    spans: tuple[SpanRead, ...]
    schema: str
    fingerprints: dict[str, str]
    champion: int | None
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """As the JSON object that `plumbline lineage --json` prints."""
        return asdict(self)


def open_store(metadata_file: Path) -> metadata_store.MetadataStore:
    """The store behind a SQLite file; UsageError if there is none (opening would make an empty one)."""
    if not metadata_file.is_file():
        raise UsageError(f"{metadata_file}: no metadata there; run the pipeline first or say where with --root")
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(metadata_file)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
    return metadata_store.MetadataStore(config)


def model_lineage(store: metadata_store.MetadataStore, version: int, run_id: str) -> Lineage:
    """Everything upstream of a pushed version.

    Args:
      store: ML Metadata.
      version: Number in the registry.
      run_id: The run that pushed it, from its manifest: a registry made anew counts from 1 again.

    Raises:
      UsageError: That run is not in this store, or did not push that version.
    """
    made = _outputs_of_run(store, run_id)
    pushed = [
        artifact
        for artifact in store.get_artifacts_by_id(sorted({event.artifact_id for event in made}))
        if artifact.custom_properties["pushed_version"].string_value == str(version)
    ]
    if not pushed:
        raise UsageError(f"run {run_id}, which pushed version {version}, is not in this metadata store")
    executions, artifacts, steps = _upstream(store, pushed[0].id)
    types = {kind.id: kind.name for kind in store.get_artifact_types()}
    by_type = {types[artifact.type_id]: artifact for artifact in artifacts.values()}
    examples = by_type["Examples"]
    champion = next(
        (
            artifact.custom_properties["version"].int_value
            for artifact in artifacts.values()
            if "registry" in artifact.custom_properties and "version" in artifact.custom_properties
        ),
        0,
    )
    pusher = executions["RegistryPusher"]
    return Lineage(
        version=version,
        run_id=run_id,
        spans=tuple(SpanRead(**_span(row)) for row in json.loads(examples.custom_properties["files"].string_value)),
        schema=executions["ImportSchemaGen"].custom_properties["schema_file"].string_value,
        fingerprints={
            "data": examples.custom_properties["data_fingerprint"].string_value,
            "code": pusher.custom_properties["code_fingerprint"].string_value,
        },
        champion=champion or None,
        steps=steps,
    )


def output_uri(store: metadata_store.MetadataStore, run_id: str, key: str) -> str:
    """Where a run's output of that name lies, made by this run or taken from the cache; UsageError if it has none."""
    found = [event.artifact_id for event in _outputs_of_run(store, run_id) if event.path.steps[0].key == key]
    if not found:
        raise UsageError(f"run {run_id} has no output {key} in this metadata store")
    (artifact,) = store.get_artifacts_by_id(found[:1])
    return str(artifact.uri)


def for_a_person(lineage: Lineage) -> str:
    """A version's lineage in lines."""
    lines = [f"version {lineage.version}, made by run {lineage.run_id}"]
    for row in lineage.spans:
        lines.append(f"  {row.split:<6} span {row.span:<4} {row.rows:>9,} rows  sha256 {row.sha256[:16]}  {row.name}")
    lines.append(f"  schema       {lineage.schema}")
    lines.append(f"  data         {lineage.fingerprints['data']}")
    lines.append(f"  code         {lineage.fingerprints['code']}")
    lines.append(f"  champion     {'none' if lineage.champion is None else f'version {lineage.champion}'}")
    lines.append("  steps")
    for step in lineage.steps:
        lines.append(f"    {step.component:<18} {', '.join(step.inputs) or '-'} -> {', '.join(step.outputs)}")
    return "\n".join(lines)


def _outputs_of_run(store: metadata_store.MetadataStore, run_id: str) -> list[mlmd.Event]:
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    executions = [] if run is None else [execution.id for execution in store.get_executions_by_context(run.id)]
    return [event for event in store.get_events_by_execution_ids(executions) if event.type == mlmd.Event.OUTPUT]


def _upstream(
    store: metadata_store.MetadataStore, artifact_id: int
) -> tuple[dict[str, mlmd.Execution], dict[int, mlmd.Artifact], tuple[Step, ...]]:
    """Executions by component, artifacts by id and steps in order, that an artifact came from, itself included."""
    produced_by: dict[int, mlmd.Execution] = {}
    artifacts: dict[int, mlmd.Artifact] = {}
    waiting, edges = [artifact_id], []
    while waiting:
        new = [id_ for id_ in waiting if id_ not in artifacts]
        artifacts.update({artifact.id: artifact for artifact in store.get_artifacts_by_id(new)})
        outputs = [event for event in store.get_events_by_artifact_ids(new) if event.type == mlmd.Event.OUTPUT]
        # A cached execution lists the artifact as its output too; the one that made it is COMPLETE.
        makers = [
            execution
            for execution in store.get_executions_by_id(sorted({event.execution_id for event in outputs}))
            if execution.last_known_state == mlmd.Execution.COMPLETE and execution.id not in produced_by
        ]
        produced_by.update({execution.id: execution for execution in makers})
        edges += list(store.get_events_by_execution_ids([execution.id for execution in makers]))
        waiting = sorted({event.artifact_id for event in edges if event.type == mlmd.Event.INPUT} - artifacts.keys())
    kinds = {kind.id: kind.name.rsplit(".", 1)[-1] for kind in store.get_execution_types()}
    executions = {kinds[execution.type_id]: execution for execution in produced_by.values()}
    steps = tuple(
        Step(kinds[execution.type_id], id_, _keys(edges, id_, mlmd.Event.INPUT), _keys(edges, id_, mlmd.Event.OUTPUT))
        for id_, execution in sorted(produced_by.items())
    )
    return executions, artifacts, steps


def _keys(events: Iterable[mlmd.Event], execution_id: int, direction: int) -> tuple[str, ...]:
    chosen = (event for event in events if event.execution_id == execution_id and event.type == direction)
    return tuple(sorted({event.path.steps[0].key for event in chosen}))


def _span(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in SpanRead.__dataclass_fields__}
