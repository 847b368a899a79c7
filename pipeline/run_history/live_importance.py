"""Importance of the features to the live version, read from the error analysis of the run that trained it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.registry.registry import Registry
from components.shared.errors import PlumblineError
from components.shared.files import read_json
from components.shared.statistics.relative_importance import MIN_IMPORTANCE, relative_importance
from pipeline.metadata.connection import known_store
from pipeline.run_history.metadata_graph import executions_of_run
from pipeline.settings.config import Config, registry_folder


@dataclass(frozen=True)
class LiveImportance:
    """Importance of the features to the model in production.

    Attributes:
      features: Feature -> importance relative to the most important one, in [0, 1]; empty if unknown.
      text: Where it is from, or why it is unknown, for the user; empty if there is no live version.
    """

    features: Mapping[str, float] = field(default_factory=dict)
    text: str = ""


def live_importance(config: Config, root: Path) -> LiveImportance:
    """Reads the permutation importance of the live version.

    What cannot be read leaves the importance unknown, with the reason in `text`; a comparison works without it.

    Args:
      config: Settings of the dataset.
      root: Folder of all runs.
    """
    where = registry_folder(config, root)
    if isinstance(where, Path) and not where.is_dir():
        return LiveImportance()
    version = None
    try:
        registry = Registry(where)
        labels = registry.labels()
        version = labels.live if labels else None
        if version is None:
            return LiveImportance()
        run_id = str(registry.manifest(version).get("run_id") or "")
        rows = _rows(config, root, run_id)
    except (PlumblineError, ImportError, OSError, ValueError) as exc:
        return LiveImportance(text=_unknown(version, f"{' '.join(str(exc).split())}"))
    features = relative_importance(rows)
    if not features:
        return LiveImportance(text=_unknown(version, f"run {run_id} has no permutation importance"))
    return LiveImportance(
        features,
        f"severity is at most moderate for features with less than {MIN_IMPORTANCE:.0%} of the largest importance to "
        f"live version {version} (run {run_id})",
    )


def _unknown(version: int | None, reason: str) -> str:
    name = "live version" if version is None else f"live version {version}"
    return f"severity does not depend on the importance to the {name}: {reason}"


def _rows(config: Config, root: Path, run_id: str) -> list[Mapping[str, Any]]:
    """Rows of `importance` in errors.json of a run; none if it did not measure it."""
    home = root / config.dataset.name
    store = known_store(config.metadata, home) if run_id else None
    if store is None:
        return []
    made = [one for one in executions_of_run(store, run_id) if one.node == "ErrorAnalysis" and one.succeeded]
    ids = [id_ for one in made for id_ in one.outputs.get("errors", ())]
    folders = [Path(artifact.uri) for artifact in store.get_artifacts_by_id(ids)] if ids else []
    if not folders:
        return []
    found = read_json(folders[-1] / "errors.json")
    return list(found.get("importance") or ()) if isinstance(found, dict) else []
