"""The preflight step: `python -m pipeline.runners.kubeflow.preflight`; see preflight_task.py.

Imports neither TensorFlow nor TFX.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.arrow_example_gen.source import Source
from components.registry.champion import champion_for
from components.registry.registry import Registry
from components.shared.errors import ConfigError, UsageError
from components.shared.files import write_text
from components.table_reading.fingerprint import data_fingerprint
from components.table_reading.locations import content_sha256
from components.table_reading.spans import SpanFile
from pipeline.process.command_runner import own_process
from pipeline.runners.kubeflow.artifact_paths import local_path
from pipeline.runners.kubeflow.preflight_task import NAME, OUTPUTS, components_digest, schema_digest
from pipeline.runners.kubeflow.termination import run_with_termination_message

READERS = 8
"""Number of files that are hashed in parallel; the bandwidth of the object store is the limit."""


def resolve_inputs(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Resolves span, data fingerprint and champion; creates the registry if it does not exist.

    Args:
      parameters: Values of preflight_task.INPUTS.

    Returns:
      Values of preflight_task.OUTPUTS; `champion` is 0 if there is none.

    Raises:
      ConfigError: Components or schema in the image differ from those at compile time.
      InputError: A span is missing or cannot be read.
      UsageError: The registry cannot be read.
    """
    check_image(parameters["components"], parameters["schema_file"], parameters["schema"])
    source = Source.from_json(parameters["source"])
    if parameters.get("window"):
        source = replace(source, window=int(parameters["window"]))
    span = int(parameters.get("span", -1))
    window = source.files(None if span == -1 else span)
    files = {file.path: file for file in window.files}
    place = source.place

    def digest(file: SpanFile) -> str:
        return content_sha256(place, file, source.options)

    with ThreadPoolExecutor(READERS) as readers:
        found = dict(zip(files, readers.map(digest, files.values()), strict=True))
    read = data_fingerprint(
        {
            split: [(file.span, source.digest(found[file.path], split)) for file in some]
            for split, some in window.splits().items()
        },
        source.corrected.file.sha256 if source.corrected else "",
    )
    registry = Registry(parameters["registry"])
    registry_id = registry.create().id
    champion = champion_for(registry, {"data": read, "code": parameters["code_fingerprint"]})
    return {
        "span": window.eval[0].span,
        "data_fingerprint": read,
        "champion": champion or 0,
        "registry_id": registry_id,
    }


def check_image(components: str, schema_file: str, schema: str) -> None:
    """Compares the image's code and schema with those at compile time.

    Args:
      components: Digest of the components at compile time.
      schema_file: Path of the schema in the image.
      schema: Digest of the schema at compile time.

    Raises:
      ConfigError: They differ.
    """
    remedy = "build the image from the checkout that compiles the pipeline, or compile from the checkout of the image"
    if components_digest() != components:
        raise ConfigError(f"the image contains other components than the pipeline was compiled from; {remedy}")
    path = Path(schema_file)
    try:
        found = schema_digest(path)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: no such schema in the image ({exc}); correct [kubeflow] schemas") from exc
    if found != schema:
        raise ConfigError(f"{path}: the image contains another schema than the pipeline was compiled from; {remedy}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the step with KFP's ExecutorInput as JSON; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.runners.kubeflow.preflight")
    parser.add_argument("--executor_input", required=True, metavar="JSON")
    parsed = parser.parse_args(arguments)
    return run_with_termination_message(lambda: _run(parsed.executor_input), NAME)


def _run(executor_input: str) -> None:
    try:
        given = json.loads(executor_input)
        parameters = given["inputs"]["parameterValues"]
        places = {name: local_path(given["outputs"]["parameters"][name]["outputFile"]) for name in OUTPUTS}
    except (ValueError, KeyError, TypeError) as exc:
        raise UsageError(f"--executor_input: is no ExecutorInput of this step ({exc!r})") from exc
    found = resolve_inputs(parameters)
    for name, place in places.items():
        write_text(Path(place), str(found[name]))
    print(json.dumps(found, sort_keys=True), flush=True)  # for the step's log


if __name__ == "__main__":
    own_process(main)
