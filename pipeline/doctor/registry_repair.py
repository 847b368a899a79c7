"""Repairs a registry from models in the runs' artifacts, which are verified by digest, and from run summaries."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from components.registry.backend import MANIFEST, MODEL_VERSION, file_digests, numbered, version_text
from components.registry.registry import Aliases, Registry
from components.shared.errors import PlumblineError
from components.shared.files import sha256, write_bytes, write_json
from pipeline.doctor.artifact_folders import artifact_folders
from pipeline.doctor.set_aside import SetAside
from pipeline.metadata.summary_files import read_summary

ROLES = ("live", "canary", "previous")


def repair_version(home: Path, registry: Registry, version: int, aside: SetAside) -> str:
    """Restores files that differ from the manifest, or sets the version aside.

    Args:
      home: <root>/<dataset>.
      registry: The registry, in a folder.
      version: The damaged version.
      aside: Folder for replaced files.

    Returns:
      A line about the repair.
    """
    folder = registry.path(version)
    wanted: Mapping[str, str] = registry.manifest(version)["files"]
    wrong = registry.damaged(version)
    content: dict[str, Callable[[], bytes]] = {}
    for name in wrong:
        if name in wanted and (source := _source(home, folder, name, wanted[name], version)) is not None:
            content[name] = source
    if set(content) != {name for name in wrong if name in wanted}:
        return _take_out(registry, version, aside)
    for name in wrong:
        path = folder / name
        if path.exists() or path.is_symlink():
            aside.move(path)
        if name in content:
            write_bytes(path, content[name]())
    if registry.damaged(version):
        return _take_out(registry, version, aside)
    return f"{folder}: {', '.join(wrong)} restored from a run's artifacts, by digest"


def repair_manifest(home: Path, registry: Registry, version: int, aside: SetAside) -> str:
    """Rebuilds a manifest if the version's files equal the model of a run, otherwise sets the version aside.

    Args:
      home: <root>/<dataset>.
      registry: The registry, in a folder.
      version: The version without a usable manifest.
      aside: Folder for replaced files.

    Returns:
      A line about the repair.
    """
    folder = registry.folder / str(version)
    summary = _run_that_pushed(home, registry, version)
    files = file_digests(folder)
    model = None if summary is None else _model_with(home, files, version)
    if summary is None or model is None:
        return _take_out(registry, version, aside)
    made = datetime.fromtimestamp((folder / "saved_model.pb").stat().st_mtime, timezone.utc)
    settings = summary.get("settings") or {}
    manifest = {
        "created": made.isoformat(timespec="seconds"),
        "run_id": summary["run_id"],
        "dataset": summary["dataset"],
        **{name: (settings.get("dataset") or {}).get(name) for name in ("task", "label")},
        "fingerprints": summary["fingerprints"],
        "spans": summary["spans"],
        "rows": summary["rows"],
        "metrics": summary["metrics"],
        "champion": (summary.get("champion") or {}).get("version"),
        "files": files,
        "version": version,
        "rebuilt": f"by plumbline doctor, from {summary['run_id']}/summary.json and {model.relative_to(home)}",
    }
    if (folder / MANIFEST).exists():
        aside.move(folder / MANIFEST)
    write_json(folder / MANIFEST, manifest)
    aside.note(f"wrote {folder / MANIFEST}")
    return f"{folder / MANIFEST}: rebuilt from run {summary['run_id']}; its files equal the model in {model}"


def repair_labels(registry: Registry, aside: SetAside) -> str:
    """Points each alias that names no undamaged version to another version, or removes it.

    Returns:
      A line with the new aliases.
    """
    try:
        old = registry.labels() or Aliases(id="")
    except PlumblineError:
        old = Aliases(id="")
    whole = [version for version in registry.versions() if _is_whole(registry, version)]
    live = next((one for one in (old.live, old.previous, max(whole, default=None)) if one in whole), None)
    canary = old.canary if old.canary in whole and old.canary != live else None
    new = replace(
        old if canary else replace(old, share=0.0, step=None, key="", since=""),
        id=uuid.uuid4().hex,  # invalidates cached pushes to the registry in its earlier state
        live=live,
        canary=canary,
        shadow=old.shadow if old.shadow in whole and old.shadow != live else None,
        previous=old.previous if old.previous in whole and old.previous != live else None,
    )
    registry.relabel(new, lambda content: _kept(aside, content))
    said = ", ".join(f"{role} {getattr(new, role) or 'none'}" for role in ROLES)
    aside.note(f"labels of {registry.where}: {said}")
    return f"{registry.where}/labels.json: {said}"


def move_leftovers(registry: Registry, aside: SetAside) -> str:
    """Sets aside the leftovers of interrupted pushes; returns a line about it."""
    left = [Path(name) for name in registry.leftovers()]
    for path in left:
        aside.move(path)
    return f"{registry.where}: {len(left)} leftovers of interrupted pushes set aside"


def _take_out(registry: Registry, version: int, aside: SetAside) -> str:
    """Sets a version aside. Its aliases move to another version first, so that servers can always load one."""
    said = repair_labels(registry, aside)
    registry.reserve(version)
    moved = aside.move(registry.folder / str(version))
    return f"version {version} of the registry: set aside as {moved}; {said}"


def _kept(aside: SetAside, content: bytes) -> None:
    aside.keep("labels.json", content)


def _is_whole(registry: Registry, version: int) -> bool:
    try:
        return not registry.damaged(version)
    except (PlumblineError, OSError):
        return False


def _source(home: Path, folder: Path, name: str, digest: str, version: int) -> Callable[[], bytes] | None:
    """Function that reads an intact copy of a version's file, verified by its digest; None if there is no copy."""
    if name == MODEL_VERSION:
        return lambda: version_text(version).encode()
    for model in _models(home):
        path = model / name
        with suppress(OSError):
            if path.is_file() and sha256(path) == digest:
                return path.read_bytes
    return None


def _models(home: Path) -> Iterator[Path]:
    """Folders of SavedModels among the artifacts, newest first."""
    folders = sorted(artifact_folders(home), key=_number, reverse=True)
    for folder in folders:
        for model in (folder, folder / "Format-Serving"):
            if (model / "saved_model.pb").is_file():
                yield model


def _number(folder: Path) -> int:
    digits = re.match(r"\d+", folder.name)
    return int(digits[0]) if digits else 0


def _model_with(home: Path, files: Mapping[str, str], version: int) -> Path | None:
    for model in _models(home):
        with suppress(OSError):
            if numbered(file_digests(model), version) == files:
                return model
    return None


def _run_that_pushed(home: Path, registry: Registry, version: int) -> dict[str, Any] | None:
    """The summary of the first run that pushed a version to this registry.

    Several summaries can name the same version, as cached runs repeat the pushed version of an earlier run. None if
    their fingerprints differ. Of the registry's path only the last two folders are compared: the root may have moved.
    """
    reports = home / "reports"
    summaries = [read_summary(folder).content for folder in (sorted(reports.iterdir()) if reports.is_dir() else [])]
    place = Path(registry.where).parts[-2:]
    pushed = [
        one
        for one in summaries
        if one and one.get("pushed") == version and Path(str(one.get("registry"))).parts[-2:] == place
    ]
    alike = all(one.get("fingerprints") == pushed[0].get("fingerprints") for one in pushed)
    return pushed[0] if pushed and alike else None
