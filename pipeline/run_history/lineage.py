"""Lineage of a pushed model from ML Metadata."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.registry.aliases import ROLES as ROLES
from components.registry.registry import Registry
from components.shared.errors import UsageError
from pipeline.metadata.connection import connect, connection_config
from pipeline.metadata.decisions import VersionDecision, decision_lines, read_decisions
from pipeline.run_history.cache_reasons import InputChange, Reason, reasons
from pipeline.run_history.metadata_graph import Execution, artifacts_by_id, executions_of_run, text_property, upstream

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store


@dataclass(frozen=True)
class SpanRead:
    """An input file of a model."""

    split: str
    span: int
    name: str
    sha256: str
    rows: int
    unlabelled: int


@dataclass(frozen=True)
class LineageStep:
    """An upstream execution of the model, in the run that executed it.

    Attributes:
      component: Id of the node.
      execution: Id in ML Metadata.
      inputs: Names of the inputs.
      outputs: Names of the outputs.
      run_id: The run that executed it.
      began: Start time, UTC, ISO 8601.
      seconds: Duration, seconds.
      cached: Whether it was cached in the run that pushed the model.
      why: Why it was cached or executed.
      changed: Differences to the previous execution of the node; empty if cached.
      artifacts: Folders of the outputs that still exist.
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
    """A champion that the model, or a later champion, was compared with. `run_id` is "" without a manifest."""

    version: int
    run_id: str
    created: str


@dataclass(frozen=True)
class Lineage:
    """Lineage of a version.

    Attributes:
      version: Number in the registry.
      roles: Its aliases among live, canary, shadow and previous.
      run_id: The run that pushed it.
      spans: Input files.
      schema: Path of the pinned schema, in a folder named by the prefix of its SHA-256.
      schema_sha256: SHA-256 of the pinned schema; only the prefix if the file was deleted.
      corrections: Applied correction files, each with at least `sha256`.
      fingerprints: Fingerprints of `data` and `code`.
      dvc: DVC's record of the data folder (see dvc.Tracked), or None.
      champion: The version it was compared with, or None.
      parents: The champion, its champion, and so on.
      steps: Upstream executions, oldest first.
      decisions: Promotions, rollbacks and canaries of the version in this registry, newest first.
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
    decisions: tuple[VersionDecision, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object that `plumbline lineage --json` prints."""
        return asdict(self)


def open_store(metadata_file: Path) -> "metadata_store.MetadataStore":
    """Opens a SQLite file as a metadata store for reading; UsageError if it does not exist."""
    return connect(connection_config(None, metadata_file))


def model_lineage(
    store: "metadata_store.MetadataStore", version: int, run_id: str, registry: Registry | None = None
) -> Lineage:
    """Returns the lineage of a pushed version.

    Args:
      store: ML Metadata.
      version: Number in the registry.
      run_id: The run that pushed it, from its manifest, since a new registry starts at 1 again.
      registry: Registry with aliases and manifests; without it there are no aliases and at most one parent.

    Raises:
      UsageError: The store does not contain the run, or the run did not push the version.
    """
    unknown = UsageError(f"run {run_id}, which pushed version {version}, is not in this metadata store")
    try:
        done = executions_of_run(store, run_id)
    except UsageError:
        raise unknown from None
    if any(one.is_rebuilt for one in done):
        summary = next(str(one.parameters.get("summary", "")) for one in done if one.is_rebuilt)
        raise UsageError(
            f"run {run_id}, which pushed version {version}: its steps were lost with the damaged metadata; "
            f"its results are in {summary} and in the version's manifest.json"
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
        decisions=tuple(one for one in read_decisions(store, labels.id) if one.version == version) if labels else (),
    )


def output_uri(store: "metadata_store.MetadataStore", run_id: str, key: str) -> str:
    """Returns the URI of a run's output, executed or cached.

    Args:
      store: ML Metadata.
      run_id: Id of the run.
      key: Name of the output.

    Raises:
      UsageError: The run has no such output, or it was deleted.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    found = [ids for one in executions_of_run(store, run_id) for name, ids in one.outputs.items() if name == key]
    if not found:
        raise UsageError(f"run {run_id} has no output {key} in this metadata store")
    (artifact,) = store.get_artifacts_by_id([found[0][0]])
    if artifact.state == mlmd.Artifact.DELETED:
        raise UsageError(
            f"run {run_id}: its {key} were deleted by `plumbline gc`; run again on that span to create them"
        )
    return str(artifact.uri)


def spans_read(examples: Any) -> tuple[SpanRead, ...]:
    """Returns the input files of an Examples artifact."""
    names = [field.name for field in fields(SpanRead)]
    rows = json.loads(text_property(examples, "files") or "[]")
    return tuple(SpanRead(**{name: row[name] for name in names}) for row in rows)


def corrections_of(examples: Any) -> tuple[dict[str, Any], ...]:
    """Returns the corrections of an Examples artifact from its property `corrections` (JSON list, object or digest)."""
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
    """Returns the SHA-256 of a pinned schema; the prefix in its folder's name if the file was deleted."""
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
            manifest = {}  # the version was deleted, so its parents are unknown
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
    """Returns a lineage in lines."""
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
        changed = "" if lineage.dvc["same"] is not False else ", but the folder has changed since `dvc add`"
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
    lines += [f"  {line}" for line in decision_lines(lineage.decisions)]
    return "\n".join(lines)
