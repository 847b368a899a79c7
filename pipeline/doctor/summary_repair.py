"""Rebuilds a run's summary from its artifacts in ML Metadata, or from the manifest of the version that it pushed."""

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.registry.registry import Registry
from components.shared.errors import PlumblineError
from components.shared.files import write_json
from pipeline.doctor.set_aside import SetAside
from pipeline.doctor.store_records import damage
from pipeline.metadata.connection import connect, connection_config, metadata_file
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from pipeline.metadata.stored_artifact import StoredArtifact
    from pipeline.run_history.run_summary import ComponentRun

STATES = {3: "executed", 5: "cached", 4: "failed"}
"""ML Metadata's Execution.State -> state in the summary."""
NOTE = "rebuilt by plumbline doctor; fields that are not in the metadata or the manifest are missing"


def repair_summary(home: Path, folder: Path, config: Config | None, registry: Registry | None, aside: SetAside) -> str:
    """Rebuilds a run's summary.json, or sets it aside if that is not possible.

    Args:
      home: <root>/<dataset>.
      folder: The run's folder.
      config: The dataset's settings; None if they cannot be read.
      registry: The registry; None if it cannot be opened.
      aside: Folder for the replaced file.

    Returns:
      A line about the repair.
    """
    file = folder / "summary.json"
    found, source = _from_metadata(home, folder, config, registry), "the metadata"
    if found is None:
        found, source = _from_manifest(home, folder, registry), "the manifest of the version that it pushed"
    if file.exists():
        aside.move(file)
    if found is None:
        return f"{file}: set aside; neither the metadata nor a manifest describes the run"
    write_json(file, found)
    aside.note(f"wrote {file}")
    return f"{file}: rebuilt from {source}"


def manifest_of(registry: Registry | None, run_id: str) -> dict[str, Any] | None:
    """Returns the manifest of the version that a run pushed; None if there is no readable one."""
    if registry is None:
        return None
    try:
        for version in reversed(registry.versions()):
            try:
                manifest = registry.manifest(version)
            except PlumblineError:
                continue
            if manifest.get("run_id") == run_id:
                return manifest
    except (PlumblineError, OSError):
        pass
    return None


def _from_metadata(home: Path, folder: Path, config: Config | None, registry: Registry | None) -> dict[str, Any] | None:
    """Summary from a run's artifacts; None if metadata or artifacts are missing."""
    from pipeline.run_history.run_summary import Summary, from_artifacts

    file = metadata_file(home)
    sqlite = config is None or config.metadata.kind == "sqlite"
    if sqlite and (not file.is_file() or damage(file)):
        return None
    try:
        store = connect(connection_config(config.metadata if config else None, file))
        components, artifacts, seconds = _outcome(store, folder.name)
        if not components or not artifacts:
            return None
        examples = artifacts["ArrowExampleGen.examples"]
        found = from_artifacts(artifacts)
        spans = json.loads(examples.get_string_custom_property("spans") or "{}")
        manifest = manifest_of(registry, folder.name) or {}
        fingerprints = {"data": examples.get_string_custom_property("data_fingerprint"), "code": ""}
        fingerprints.update(manifest.get("fingerprints") or {})
    except (PlumblineError, OSError, ValueError, KeyError, TypeError, sqlite3.Error):
        return None
    except Exception:  # ML Metadata's errors have no common base class below Exception
        return None
    found["warnings"] = [*found.get("warnings", []), NOTE]
    return Summary(
        run_id=folder.name,
        dataset=home.name,
        spans=spans,
        components=components,
        fingerprints=fingerprints,
        report=str(next((path for name in ("report.html", "report.md") if (path := folder / name).is_file()), "")),
        registry=registry.where if registry else "",
        log=str(folder / "run.log"),
        seconds=seconds,
        stopped=None if all(one.state != "failed" for one in components) else "a component failed; see the log",
        **found,
    ).to_json()


def _outcome(store: Any, run_id: str) -> "tuple[list[ComponentRun], dict[str, StoredArtifact], float]":
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    from pipeline.metadata.stored_artifact import stored_artifact
    from pipeline.run_history.metadata_graph import artifacts_by_id, executions_of_run
    from pipeline.run_history.run_summary import ComponentRun

    components, artifacts, seconds = [], {}, 0.0
    for one in executions_of_run(store, run_id):
        state = one.state if one.state in STATES.values() else "failed"
        components.append(ComponentRun(one.node, state, one.seconds))
        seconds += one.seconds
        if not one.succeeded:
            continue
        stored = artifacts_by_id(store, one.artifact_ids())
        for key, ids in one.outputs.items():
            if stored[ids[0]].state == mlmd.Artifact.LIVE:
                artifacts[f"{one.node}.{key}"] = stored_artifact(stored[ids[0]])
    return components, artifacts, round(seconds, 3)


def _from_manifest(home: Path, folder: Path, registry: Registry | None) -> dict[str, Any] | None:
    from pipeline.run_history.run_summary import Summary, from_artifacts

    manifest = manifest_of(registry, folder.name)
    if manifest is None or registry is None:
        return None
    champion = manifest.get("champion")
    found = {
        **from_artifacts({}),
        "rows": manifest.get("rows") or {},
        "metrics": manifest.get("metrics") or {},
        "blessed": True,
        "pushed": manifest.get("version"),
        "champion": None if champion is None else {"version": champion, "metrics": {}},
        "warnings": [NOTE],
    }
    return Summary(
        run_id=folder.name,
        dataset=str(manifest.get("dataset") or home.name),
        spans=manifest.get("spans") or {"train": [], "eval": []},
        components=[],
        fingerprints=manifest.get("fingerprints") or {},
        report=str(next((path for name in ("report.html", "report.md") if (path := folder / name).is_file()), "")),
        registry=registry.where,
        log=str(folder / "run.log"),
        seconds=0.0,
        **found,
    ).to_json()
