"""Deletes artifacts and logs that neither a version in use nor a recent run needs.

ML Metadata keeps all records, so the lineage of deleted artifacts remains available.

A kill at any point is safe. First all artifacts are marked as deleted, so that TFX's cache, which needs live outputs,
no longer serves them. Then each folder is renamed into a trash folder, and finally the trash is emptied. The next call
finds marked artifacts with folders, or a trash that is not empty, and continues.
"""

import os
import shutil
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.registry.registry import Registry
from components.shared.artifacts.integrity import forget
from components.shared.errors import UsageError
from pipeline.process.run_folder import remove_temporary
from pipeline.process.run_lock import run_lock
from pipeline.process.temporary_files import NAME as SCRATCH
from pipeline.process.temporary_files import leftovers
from pipeline.run_history.lineage import ROLES
from pipeline.run_history.metadata_graph import executions_of_run, run_ids, upstream

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store

BATCH = 500
"""Number of artifacts marked in one transaction."""


@dataclass(frozen=True)
class KeptRun:
    """A run whose artifacts are kept, and the reason."""

    run_id: str
    why: str


@dataclass(frozen=True)
class DeletionPlan:
    """A plan of the deletion.

    Attributes:
      home: <root>/<dataset>.
      kept: Runs whose artifacts stay, with everything upstream of them.
      artifacts: Ids of the artifacts to mark as deleted.
      folders: Their folders, those of an interrupted deletion, and temporary files of killed runs.
      logs: Logs of runs that are not kept. Summaries and reports always stay.
      bytes: Size of folders and logs, bytes.
      versions: Unused versions in the registry that were not the champion of a used one; reported, never deleted.
    """

    home: str
    kept: tuple[KeptRun, ...]
    artifacts: tuple[int, ...]
    folders: tuple[str, ...]
    logs: tuple[str, ...]
    bytes: int
    versions: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as a JSON object."""
        return asdict(self)


def plan_deletion(store: "metadata_store.MetadataStore", home: Path, registry: Registry, keep: int) -> DeletionPlan:
    """Plans the deletion without changing anything.

    Args:
      store: ML Metadata.
      home: <root>/<dataset>.
      registry: The runs of its live, canary and previous version are kept.
      keep: Number of newest runs to keep, pushed or not; at least 0.

    Raises:
      UsageError: `keep` is negative, or the registry cannot be read.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if keep < 0:
        raise UsageError(f"--keep {keep}: must be at least 0")
    home = home.resolve()
    runs = run_ids(store)
    kept = [*_in_use(registry, set(runs)), *_newest(store, home.name, runs, keep)]
    needed = _needed(store, {run.run_id for run in kept})
    below = home / "artifacts"
    doomed, gone, safe = [], [], set()
    for artifact in store.get_artifacts():
        folder = _folder(artifact.uri, below)
        if folder is None:
            continue  # outside this dataset's folder, or of another dataset in the same store
        if artifact.id in needed:
            safe.add(folder)
        elif artifact.state == mlmd.Artifact.DELETED:
            gone.append(folder)
        else:
            doomed.append((artifact.id, folder))
    doomed = [(id_, folder) for id_, folder in doomed if folder not in safe]
    folders = {folder for _, folder in doomed} | set(gone)
    folders |= {_system(folder, below) for folder in folders}
    safe |= {_system(folder, below) for folder in safe}
    there = sorted(folder for folder in folders if folder not in safe and folder.exists())
    logs = [
        path for path in sorted(home.glob("reports/*/run.log")) if path.parent.name not in {run.run_id for run in kept}
    ]
    there += leftovers(home / SCRATCH)
    trash = sorted(_trash(home).glob("*"))
    return DeletionPlan(
        home=str(home),
        kept=tuple(kept),
        artifacts=tuple(id_ for id_, _ in doomed),
        folders=tuple(map(str, [*there, *trash])),
        logs=tuple(map(str, logs)),
        bytes=sum(map(_bytes, [*there, *trash, *logs])),
        versions=_unused(registry),
    )


def collect(store: "metadata_store.MetadataStore", home: Path, registry: Registry, keep: int) -> DeletionPlan:
    """Deletes according to `plan` and returns the plan.

    Args:
      store: ML Metadata, open for writing.
      home: <root>/<dataset>.
      registry: See `plan`.
      keep: See `plan`.

    Raises:
      UsageError: A run is in progress there; or see `plan`.
    """
    if not home.is_dir():
        raise UsageError(f"{home}: no run yet, nothing to delete")
    with run_lock(home):
        found = plan_deletion(store, home, registry, keep)
        _mark(store, found.artifacts)
        remove_temporary(home)
        trash = _trash(home.resolve())
        trash.mkdir(parents=True, exist_ok=True)
        for folder in map(Path, found.folders):
            if folder.parent != trash:
                # The name in the trash encodes the origin; a partly deleted folder there is not an artifact.
                folder.rename(trash / f"{'-'.join(folder.parts[-3:])}-{uuid.uuid4().hex[:8]}")
                forget(str(folder))
        shutil.rmtree(trash)
        for log in found.logs:
            Path(log).unlink(missing_ok=True)
    return found


def deletion_text(found: DeletionPlan, *, applied: bool) -> str:
    """Returns the plan in lines; `applied` if it was carried out."""
    lines = [f"keeps {run.run_id}: {run.why}" for run in found.kept]
    what = (
        f"{len(found.artifacts):,} artifacts, {len(found.folders):,} folders and {len(found.logs):,} logs, "
        f"{found.bytes / 1e6:,.1f} MB"
    )
    if found.versions:
        named = ", ".join(map(str, found.versions))
        lines.append(f"versions in the registry that are not in use: {named} (kept; delete their folders by hand)")
    if applied:
        lines.append(f"deleted {what}")
    elif found.folders or found.logs or found.artifacts:
        lines.append(f"can delete {what}; nothing is deleted without --apply")
    else:
        lines.append("nothing to delete")
    return "\n".join(lines)


def _in_use(registry: Registry, known: set[str]) -> list[KeptRun]:
    labels = registry.labels()
    found = []
    for role in ROLES:
        version = getattr(labels, role) if labels else None
        if version is None:
            continue
        run_id = str(registry.manifest(version).get("run_id", ""))
        if run_id in known:
            found.append(KeptRun(run_id, f"pushed version {version}, which is {role}"))
    return found


def _newest(store: "metadata_store.MetadataStore", pipeline: str, runs: Sequence[str], keep: int) -> list[KeptRun]:
    """The newest runs of this dataset; the store may be shared with other datasets."""
    found: list[KeptRun] = []
    for run_id in runs:
        if len(found) == keep:
            break
        if any(one.pipeline == pipeline for one in executions_of_run(store, run_id)):
            found.append(KeptRun(run_id, f"one of the newest {keep}"))
    return found


def _needed(store: "metadata_store.MetadataStore", runs: Iterable[str]) -> set[int]:
    """Ids of all inputs and outputs of some runs, cached ones included, and of everything upstream."""
    artifacts = {
        id_ for run_id in sorted(runs) for one in executions_of_run(store, run_id) for id_ in one.artifact_ids()
    }
    for one in upstream(store, artifacts):
        # All outputs of an execution are kept, since the cache needs all of them.
        artifacts |= one.artifact_ids()
    return artifacts


def _unused(registry: Registry) -> tuple[int, ...]:
    labels = registry.labels()
    used = {getattr(labels, role) for role in ROLES} if labels else set()
    # A repeated run is compared with the champion of its first execution.
    used |= {registry.manifest(version).get("champion") for version in used if version is not None}
    return tuple(version for version in registry.versions() if version not in used)


def _folder(uri: str, below: Path) -> Path | None:
    """The folder of an artifact if it is <below>/<node>/<output>/<execution>, else None."""
    if not uri or "://" in uri:
        return None
    path = Path(os.path.normpath(uri))
    if not path.is_relative_to(below) or not path.parent.resolve().is_relative_to(below.resolve()):
        return None  # also if a link leads outside
    parts = path.relative_to(below).parts
    # TFX's internal folders begin with a dot and contain files of other executions.
    return path if len(parts) == 3 and not any(part.startswith(".") for part in parts) else None


def _system(folder: Path, below: Path) -> Path:
    """TFX's system folder of an execution."""
    node, _, execution = folder.relative_to(below).parts
    return below / node / ".system" / "executor_execution" / execution


def _trash(home: Path) -> Path:
    return home / "artifacts" / ".trash"  # on the same file system, so that a rename works


def _mark(store: "metadata_store.MetadataStore", ids: Sequence[int]) -> None:
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    for start in range(0, len(ids), BATCH):
        artifacts = store.get_artifacts_by_id(ids[start : start + BATCH])
        for artifact in artifacts:
            artifact.state = mlmd.Artifact.DELETED
        store.put_artifacts(artifacts)


def _bytes(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
