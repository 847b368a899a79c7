"""Questions to ML Metadata: what a pushed model was made from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.registry.registry import Registry
from components.shared.errors import UsageError
from pipeline.metadata.connection import connect, connection_config
from pipeline.run_history.cache_reasons import InputChange, Reason, reasons
from pipeline.run_history.metadata_graph import Execution, artifacts_by_id, executions_of_run, text_property, upstream

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store

ROLES = ("live", "canary", "previous")
"""What a version can be in the registry."""


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
class LineageStep:
    """One execution on the way to the model: the one that did the work, in whichever run that was.

    Attributes:
      component: Id of the node.
      execution: In ML Metadata.
      inputs: Names of what went in.
      outputs: Names of what came out.
      run_id: The run that did the work.
      began: In UTC, ISO 8601.
      seconds: That the work took.
      cached: Whether the run that pushed the model took the result from the cache.
      why: Why it was cached, or why it was not.
      changed: Against the execution of the node before it; empty if cached.
      artifacts: Folders of the outputs; one that `plumbline gc` removed is not among them.
    """

    component: str
    execution: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run_id: str
    began: str
    seconds: float
    cached: bool
    why: str
    changed: tuple[InputChange, ...]
    artifacts: tuple[str, ...]


@dataclass(frozen=True)
class Parent:
    """A version that the model had to beat, or that one of those had to. `run_id` is "" if its manifest is gone."""

    version: int
    run_id: str
    created: str


@dataclass(frozen=True)
class Lineage:
    """Where a version came from.

    Attributes:
      version: Number in the registry.
      roles: Of live, canary and previous.
      run_id: The run that pushed it.
      spans: Every file read.
      schema: The curated schema's copy, whose folder carries the head of its SHA-256.
      schema_sha256: Of that copy, in full; the head alone where the copy is gone.
      corrections: What was changed in the labels or rows after reading, each with at least `sha256`; empty if nothing.
      fingerprints: `data` and `code`.
      dvc: What DVC knew of the data folder (see dvc.Tracked), or None.
      champion: The version it was compared with, or None.
      parents: The champion, that one's champion and so on.
      steps: What was done, oldest first.
    """

    version: int
    roles: tuple[str, ...]
    run_id: str
    spans: tuple[SpanRead, ...]
    schema: str
    schema_sha256: str
    corrections: tuple[dict[str, Any], ...]
    fingerprints: dict[str, str]
    dvc: dict[str, Any] | None
    champion: int | None
    parents: tuple[Parent, ...]
    steps: tuple[LineageStep, ...]

    def to_json(self) -> dict[str, Any]:
        """As the JSON object that `plumbline lineage --json` prints."""
        return asdict(self)


def open_store(metadata_file: Path) -> "metadata_store.MetadataStore":
    """The store behind a SQLite file, to read; UsageError if there is none (opening would make an empty one)."""
    return connect(connection_config(None, metadata_file))


def model_lineage(
    store: "metadata_store.MetadataStore", version: int, run_id: str, registry: Registry | None = None
) -> Lineage:
    """Everything upstream of a pushed version.

    Args:
      store: ML Metadata.
      version: Number in the registry.
      run_id: The run that pushed it, from its manifest: a registry made anew counts from 1 again.
      registry: For roles and parents; without it there are no roles, and the champion is the only parent.

    Raises:
      UsageError: That run is not in this store, or did not push that version.
    """
    unknown = UsageError(f"run {run_id}, which pushed version {version}, is not in this metadata store")
    try:
        done = executions_of_run(store, run_id)
    except UsageError:
        raise unknown from None
    if any(one.is_rebuilt for one in done):
        summary = next(str(one.parameters.get("summary", "")) for one in done if one.is_rebuilt)
        raise UsageError(
            f"run {run_id}, which pushed version {version}: its steps were lost with the metadata that were damaged; "
            f"what it came to is in {summary} and in the version's manifest.json"
        )
    outputs = artifacts_by_id(store, (id_ for one in done for ids in one.outputs.values() for id_ in ids))
    pushed = [id_ for id_, one in outputs.items() if text_property(one, "pushed_version") == str(version)]
    if not pushed:
        raise unknown
    made = upstream(store, pushed)
    by_node = {one.node: one for one in made}
    artifacts = artifacts_by_id(store, (id_ for one in made for id_ in one.artifact_ids()))
    (examples,) = (artifacts[id_] for id_ in by_node["ArrowExampleGen"].outputs["examples"])
    champions = [one for one in artifacts.values() if {"registry", "version"} <= set(one.custom_properties)]
    champion = champions[0].custom_properties["version"].int_value if champions else 0
    schema = str(by_node["ImportSchemaGen"].parameters["schema_file"])
    labels = registry.labels() if registry else None
    return Lineage(
        version=version,
        roles=tuple(role for role in ROLES if labels and getattr(labels, role) == version),
        run_id=run_id,
        spans=spans_read(examples),
        schema=schema,
        schema_sha256=schema_digest(schema),
        corrections=corrections_of(examples),
        fingerprints={
            "data": text_property(examples, "data_fingerprint"),
            "code": str(by_node["RegistryPusher"].parameters["code_fingerprint"]),
        },
        dvc=registry.manifest(version).get("dvc") if registry else None,
        champion=champion or None,
        parents=_parents(registry, champion),
        steps=_steps(made, done, reasons(store, done, by_node), artifacts),
    )


def output_uri(store: "metadata_store.MetadataStore", run_id: str, key: str) -> str:
    """Where a run's output of that name lies, made by this run or taken from the cache; UsageError if it has none."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    found = [ids for one in executions_of_run(store, run_id) for name, ids in one.outputs.items() if name == key]
    if not found:
        raise UsageError(f"run {run_id} has no output {key} in this metadata store")
    (artifact,) = store.get_artifacts_by_id([found[0][0]])
    if artifact.state == mlmd.Artifact.DELETED:
        raise UsageError(
            f"run {run_id}: its {key} were removed by `plumbline gc`; run again on that span to make them anew"
        )
    return str(artifact.uri)


def spans_read(examples: Any) -> tuple[SpanRead, ...]:
    """The files that an Examples artifact was made from."""
    names = [field.name for field in fields(SpanRead)]
    rows = json.loads(text_property(examples, "files") or "[]")
    return tuple(SpanRead(**{name: row[name] for name in names}) for row in rows)


def corrections_of(examples: Any) -> tuple[dict[str, Any], ...]:
    """What an Examples artifact was corrected with: its property `corrections`, a JSON list or object, or a digest."""
    text = text_property(examples, "corrections")
    if not text:
        return ()
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    listed = value if isinstance(value, list) else [value]
    return tuple(one if isinstance(one, dict) else {"sha256": str(one)} for one in listed if one)


def schema_digest(path: str) -> str:
    """SHA-256 of a pinned schema; the head that its folder's name carries if the file is gone."""
    file = Path(path)
    if "://" not in path and file.is_file():
        return hashlib.sha256(file.read_bytes()).hexdigest()
    return file.parent.name.removeprefix("schema-") if file.parent.name.startswith("schema-") else ""


def _parents(registry: Registry | None, champion: int) -> tuple[Parent, ...]:
    found: list[Parent] = []
    while champion and champion not in [parent.version for parent in found]:
        try:
            manifest = registry.manifest(champion) if registry else {}
        except UsageError:
            manifest = {}  # a version that was removed: its own parents are not known any more
        found.append(Parent(champion, str(manifest.get("run_id", "")), str(manifest.get("created", ""))))
        champion = manifest.get("champion") or 0
    return tuple(found)


def _steps(
    made: list[Execution], done: list[Execution], why: Mapping[str, Reason], artifacts: Mapping[int, Any]
) -> tuple[LineageStep, ...]:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    states = {one.node: one.state for one in done}
    return tuple(
        LineageStep(
            component=one.node,
            execution=one.id,
            inputs=tuple(one.inputs),
            outputs=tuple(one.outputs),
            run_id=one.run_id,
            began=one.began,
            seconds=one.seconds,
            cached=(cached := states.get(one.node) == "cached"),
            why=why[one.node].text if one.node in why else "",
            changed=why[one.node].changed if one.node in why and not cached else (),
            artifacts=tuple(
                str(artifacts[id_].uri)
                for ids in one.outputs.values()
                for id_ in ids
                if artifacts[id_].state != mlmd.Artifact.DELETED
            ),
        )
        for one in made
    )


def lineage_text(lineage: Lineage) -> str:
    """A version's lineage in lines."""
    roles = f" ({', '.join(lineage.roles)})" if lineage.roles else ""
    lines = [f"version {lineage.version}{roles}, made by run {lineage.run_id}"]
    for row in lineage.spans:
        lines.append(f"  {row.split:<6} span {row.span:<4} {row.rows:>9,} rows  sha256 {row.sha256[:16]}  {row.name}")
    lines.append(f"  schema       {lineage.schema}  sha256 {lineage.schema_sha256[:16]}")
    corrections = ", ".join(str(row.get("name") or row.get("sha256", "")) for row in lineage.corrections)
    lines.append(f"  corrections  {corrections or 'none'}")
    lines.append(f"  data         {lineage.fingerprints['data']}")
    lines.append(f"  code         {lineage.fingerprints['code']}")
    if lineage.dvc:
        changed = "" if lineage.dvc["same"] is not False else ", but the folder was changed since `dvc add`"
        lines.append(f"  dvc          {lineage.dvc['md5']}  {lineage.dvc['file']}{changed}")
    lines.append(f"  champion     {'none' if lineage.champion is None else f'version {lineage.champion}'}")
    if len(lineage.parents) > 1:
        lines.append(f"  before that  {', '.join(f'version {parent.version}' for parent in lineage.parents[1:])}")
    lines.append("  steps")
    for step in lineage.steps:
        state = "cached  " if step.cached else "executed"
        lines.append(
            f"    {step.component:<18} {state} {step.began} {step.seconds:>8.1f} s  "
            f"{', '.join(step.inputs) or '-'} -> {', '.join(step.outputs)}"
        )
        lines.append(f"      {step.why}")
    return "\n".join(lines)
