"""What a local run is about to do, as it is known before TensorFlow is imported."""

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
    """A local run.

    Attributes:
      config: The settings in force.
      home: <root>/<dataset>.
      run_id: Its name.
      source: What ingest reads.
      checked: The window, known to be readable.
      fingerprints: `data` and `code`.
      paths: For `create_pipeline`.
      inputs: For `create_pipeline`; every field is known.
      key: See `run_key`.
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
        """Folder of its log, summary and report."""
        return self.home / "reports" / self.run_id


def plan_run(config: Config, root: Path, run_id: str, source: Source, checked: CheckedInputs) -> LocalPlan:
    """Plans a run; makes the registry if there is none. Raises UsageError if the registry cannot be read."""
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
    """A copy of the schema whose path names its content: ImportSchemaGen's cache key is the path alone."""
    text = config.schema_path.read_text(encoding="utf-8-sig")
    path = home / "cache" / f"schema-{hashlib.sha256(text.encode()).hexdigest()[:16]}" / "schema.pbtxt"
    if not path.is_file() or path.read_bytes() != text.encode():  # a damaged copy would be used for good
        write_text(path, text)
    return str(path)
