"""The key of a run: two runs with one key compile to the same pipeline, but for the run's id.

It covers more than TFX's cache keys do: all source of the project counts, not only what a component imports. A key that
differs costs nothing but time: TFX's own cache then decides, component by component.
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
"""Of the key and the records that carry it: records of another format are not found."""

SOURCES = tuple(Path(__file__).parents[3] / package for package in ("pipeline", "components"))


def run_key(config: Config, source: Source, paths: Paths, inputs: Inputs) -> str:
    """SHA-256, in hexadecimal, of all that `create_pipeline` composes the DAG from, and of its code and libraries.

    Args:
      config: The settings in force, with what an earlier search found.
      source: What ingest reads, corrections included.
      paths: As for `create_pipeline`.
      inputs: As for `create_pipeline`, of a local run: no field is left to a component.
    """
    own = config.own_module()
    decides = {
        "format": FORMAT,
        "settings": config.model_dump(mode="json"),
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
    """Of the files' names and bytes."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
