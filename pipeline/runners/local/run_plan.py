"""The plan of a local run, made before TensorFlow is imported."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from components.arrow_example_gen.source import Source
from components.registry.champion import champion_for
from components.registry.registry import Registry
from components.shared.files import write_text
from pipeline.fingerprints import code_fingerprint
from pipeline.inputs import Inputs, Paths
from pipeline.preflight.data_check import CheckedInputs
from pipeline.preflight.dvc import tracked
from pipeline.runners.local.run_key import run_key
from pipeline.settings.config import Config, registry_folder


@dataclass(frozen=True)
class LocalPlan:
    """The plan of a local run.

    Attributes:
      config: The effective settings.
      home: <root>/<dataset>.
      run_id: Id of the run.
      source: Input files and their format.
      checked: The window, whose files have been checked.
      fingerprints: The fingerprints `data` and `code`.
      paths: Argument of `create_pipeline`.
      inputs: Argument of `create_pipeline`; all fields are known.
      key: The run key, see `run_key`.
    """

    config: Config
    home: Path
    run_id: str
    source: Source
    checked: CheckedInputs
    fingerprints: dict[str, str]
    paths: Paths
    inputs: Inputs
    key: str

    @property
    def reports(self) -> Path:
        """Folder of the run's log, summary and report."""
        return self.home / "reports" / self.run_id


def plan_run(config: Config, root: Path, run_id: str, source: Source, checked: CheckedInputs) -> LocalPlan:
    """Plans a run, and creates the registry if it does not exist.

    Args:
      config: The effective settings.
      root: Folder of all runs.
      run_id: Id of the run.
      source: Input files and their format.
      checked: The checked window.

    Raises:
      UsageError: The registry cannot be read.
    """
    home = root.resolve() / config.dataset.name
    registry = Registry(registry_folder(config, root))
    registry_id = registry.create().id
    fingerprints = {"data": checked.fingerprint, "code": code_fingerprint(config)}
    versioned = tracked(source.directory)
    paths = Paths(schema=_pinned_schema(config, home), artifacts=str(home / "artifacts"), registry=registry.where)
    inputs = Inputs(
        checked.window.eval[0].span,
        checked.fingerprint,
        champion_for(registry, fingerprints) or 0,
        registry_id,
        versioned.to_json() if versioned else "",
    )
    key = run_key(config, source, paths, inputs)
    return LocalPlan(config, home, run_id, source, checked, fingerprints, paths, inputs, key)


def _pinned_schema(config: Config, home: Path) -> str:
    """Copies the schema to a path with its digest: ImportSchemaGen's cache key contains only the path."""
    text = config.schema_path.read_text(encoding="utf-8-sig")
    path = home / "cache" / f"schema-{hashlib.sha256(text.encode()).hexdigest()[:16]}" / "schema.pbtxt"
    if not path.is_file() or path.read_bytes() != text.encode():  # missing or damaged
        write_text(path, text)
    return str(path)
