"""Finds the runs and versions that used a span or a file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from components.registry.registry import Registry
from components.shared.errors import UsageError
from pipeline.run_history.lineage import ROLES, SpanRead, spans_read
from pipeline.run_history.metadata_graph import executions_by_id, executions_of_run, text_property

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store

DIGEST_HEAD = 8
"""Minimum length of a SHA-256 prefix that identifies a file."""


@dataclass(frozen=True)
class Use:
    """A run that used the file in `splits`; `pushed` is the version that it pushed, or None."""

    run_id: str
    splits: tuple[str, ...]
    pushed: int | None


@dataclass(frozen=True)
class Version:
    """A version whose run used the file.

    Attributes:
      version: Number in the registry.
      splits: "train" if the model was trained on the file, "eval" if it was evaluated on it.
      roles: Its current aliases among live, canary and previous.
      in_registry: Whether the registry still has the version from this run.
    """

    version: int
    splits: tuple[str, ...]
    roles: tuple[str, ...]
    in_registry: bool


@dataclass(frozen=True)
class Downstream:
    """Downstream use of a span or file: `data` as given, `files` with each of its contents."""

    data: str
    files: tuple[SpanRead, ...]
    runs: tuple[Use, ...]
    versions: tuple[Version, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object that `plumbline downstream --json` prints."""
        return {**asdict(self), "asked": self.data}  # `asked` is the former name of `data`


def downstream(store: "metadata_store.MetadataStore", data: str, registry: Registry) -> Downstream:
    """Finds all runs and versions that used a span or a file.

    Args:
      store: ML Metadata.
      data: Span number, path or name of a file, or a SHA-256 or its prefix of at least 8 characters.
      registry: Registry with the aliases.

    Raises:
      UsageError: No run has used it.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    used: dict[int, tuple[str, tuple[SpanRead, ...]]] = {}
    known: set[int] = set()
    for artifact in store.get_artifacts_by_type("Examples"):
        files = spans_read(artifact)
        known.update(row.span for row in files)
        if matching := tuple(row for row in files if _is(row, data)):
            used[artifact.id] = (text_property(artifact, "data_fingerprint"), matching)
    if not used:
        spans = ", ".join(map(str, sorted(known))) or "none"
        raise UsageError(f"{data}: no run has used this span or file; used spans: {spans}")

    made = {
        event.execution_id: event.artifact_id
        for event in store.get_events_by_artifact_ids(sorted(used))
        if event.type == mlmd.Event.OUTPUT  # of the run that read the file, and of runs with a cached ingest
    }
    runs = {one.run_id: made[one.id] for one in executions_by_id(store, made)}
    uses, pushed_of = [], {}
    for run_id, artifact_id in sorted(runs.items(), reverse=True):
        pushed_of[run_id] = _pushed(store, run_id)
        uses.append(Use(run_id, _splits(used[artifact_id][1]), pushed_of[run_id]))
    versions = {use.pushed: use.splits for use in uses if use.pushed is not None}
    fingerprints = {fingerprint: _splits(rows) for fingerprint, rows in used.values()}
    return Downstream(
        data=data,
        files=tuple(_contents(rows for _, rows in used.values())),
        runs=tuple(uses),
        versions=_versions(registry, versions, fingerprints),
    )


def _is(row: SpanRead, data: str) -> bool:
    if data.isascii() and data.isdigit() and len(data) < DIGEST_HEAD:
        return row.span == int(data)
    if len(data) >= DIGEST_HEAD and row.sha256.startswith(data.lower()):
        return True
    # Paths are compared from the end, so that a name, a relative and an absolute path match.
    there, wanted = PurePath(row.name).parts, PurePath(data).parts
    shared = min(len(there), len(wanted))
    return shared > 0 and there[-shared:] == wanted[-shared:]


def _splits(rows: Sequence[SpanRead]) -> tuple[str, ...]:
    """The splits of some rows, train before eval."""
    return tuple(sorted({row.split for row in rows}, reverse=True))


def _contents(found: Any) -> list[SpanRead]:
    """Each content once, over all splits."""
    unique = {(row.span, row.name, row.sha256): row for rows in found for row in rows}
    return [unique[key] for key in sorted(unique)]


def _pushed(store: "metadata_store.MetadataStore", run_id: str) -> int | None:
    outputs = [
        id_
        for one in executions_of_run(store, run_id)
        for key, ids in one.outputs.items()
        if key == "pushed_model"
        for id_ in ids
    ]
    numbers = [text_property(artifact, "pushed_version") for artifact in store.get_artifacts_by_id(outputs)]
    return next((int(number) for number in numbers if number), None)


def _versions(
    registry: Registry, pushed: dict[int, tuple[str, ...]], fingerprints: dict[str, tuple[str, ...]]
) -> tuple[Version, ...]:
    """Versions that the runs pushed, and versions whose manifest names this data."""
    there: dict[int, tuple[str, ...]] = {}
    for version in registry.versions():
        try:
            fingerprint = registry.manifest(version)["fingerprints"]["data"]
        except (UsageError, KeyError, TypeError):
            continue  # a folder that no pipeline pushed
        if fingerprint in fingerprints:
            there[version] = fingerprints[fingerprint]
    labels = registry.labels()
    return tuple(
        Version(
            version,
            there.get(version) or pushed[version],
            # A new registry starts at 1 again, so an alias counts only if the version is from the same run.
            tuple(role for role in ROLES if labels and version in there and getattr(labels, role) == version),
            version in there,
        )
        for version in sorted({*pushed, *there}, reverse=True)
    )


def downstream_text(found: Downstream) -> str:
    """Returns the result in lines, versions in use first."""
    live = [version for version in found.versions if version.roles]
    told = [f"version {one.version} ({', '.join(one.roles)}; {_as_what(one.splits)})" for one in live]
    lines = [f"{found.data}: {'; '.join(told) or 'no live, canary or previous version used it'}"]
    for row in found.files:
        lines.append(f"  file     span {row.span}  {row.rows:,} rows  sha256 {row.sha256[:16]}  {row.name}")
    for one in found.versions:
        where = "" if one.in_registry else ", no longer in the registry"
        roles = f", {' and '.join(one.roles)}" if one.roles else ""
        lines.append(f"  version  {one.version}: {_as_what(one.splits)} it{roles}{where}")
    for use in found.runs:
        came = "nothing pushed" if use.pushed is None else f"pushed version {use.pushed}"
        lines.append(f"  run      {use.run_id}: in {' and '.join(use.splits)}, {came}")
    return "\n".join(lines)


def _as_what(splits: Sequence[str]) -> str:
    return " and ".join({"train": "trained on", "eval": "evaluated on"}.get(split, split) for split in splits)
