"""The key of a run: runs with the same key compile to the same pipeline, except for the run id.

The key covers more than TFX's cache keys: it depends on the whole source of the project, not only on the imports of a
component. With a different key, TFX's own cache decides for each component, which takes longer.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from components.arrow_example_gen.source import Source
from pipeline.fingerprints import stack_versions
from pipeline.inputs import Inputs, Paths
from pipeline.settings.config import Config

FORMAT = 1
"""Version of the key and the cache records; records of another version are not found."""

SOURCES = tuple(Path(__file__).parents[3] / package for package in ("pipeline", "components"))


AFTER_A_RUN = {"request_log", "canary", "serving", "monitor", "alarms", "sinks", "retraining"}
"""Tables of pipeline.toml that no component of a run reads: a change of them needs no new run."""


def run_key(config: Config, source: Source, paths: Paths, inputs: Inputs) -> str:
    """Computes the SHA-256, in hexadecimal, of all inputs of `create_pipeline`, its code and the library versions.

    Args:
      config: The effective settings, including hyperparameters of an earlier search.
      source: Input files and corrections.
      paths: As for `create_pipeline`.
      inputs: As for `create_pipeline`; all fields must be known.
    """
    own = config.own_module()
    decides = {
        "format": FORMAT,
        "settings": config.model_dump(mode="json", exclude=AFTER_A_RUN),
        "own": own.digests if own else None,
        "schema": _digest([config.schema_path]),
        "source": source.to_json(),
        "paths": asdict(paths),
        "inputs": asdict(inputs),
        "code": _digest(file for folder in SOURCES for file in sorted(folder.rglob("*.py"))),
        "libraries": stack_versions(),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _digest(files: Iterable[Path]) -> str:
    """SHA-256 of the files' names and contents."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
