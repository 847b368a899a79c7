"""The command of every component's container: `python -m pipeline.runners.kubeflow.entrypoint`.

The arguments are those of TFX's own entrypoint.

KFP's launcher copies input artifacts to local folders before a step and output artifacts back after it, but the
ExecutorInput contains the remote URIs. TFX's entrypoint passes these to the executor; TensorFlow then fails on minio://
(not supported) or s3:// (needs a plugin), and the launcher does not find the outputs. This entrypoint passes the
launcher's folders to the executor, and writes the remote URIs to the ExecutorOutput.

Beam workers on other machines cannot access these folders. If PLUMBLINE_SHARED names a folder that they mount, a
Beam-based component uses that (pipeline.runners.kubeflow.staging). With --runner=DataflowRunner, or
PLUMBLINE_ARTIFACTS=remote, it gets the remote URIs, and the launcher's copies are not used.

Exit codes: 0; 2 and 3 as in shared/errors.py, with one line on stderr and as the pod's termination message; 1 for
other errors, with a traceback; 143 for SIGTERM, which Kubernetes sends to a pod that it removes.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.artifacts.content import content_findings, content_of
from components.shared.artifacts.integrity import CONTENT
from components.shared.errors import ConfigError, DamagedArtifact, UsageError
from components.shared.files import write_text
from pipeline.process.command_runner import own_process
from pipeline.runners.kubeflow.artifact_paths import ARTIFACTS, SHARED, by_url, local_path
from pipeline.runners.kubeflow.staging import staging
from pipeline.runners.kubeflow.termination import run_with_termination_message


def main(arguments: Sequence[str] | None = None) -> int:
    """Executes a component.

    Args:
      arguments: Command-line arguments; None is those of this process.

    Returns:
      The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline.runners.kubeflow.entrypoint", allow_abbrev=False)
    parser.add_argument("--executor_class_path", required=True, metavar="MODULE.CLASS")
    parser.add_argument("--json_serialized_invocation_args", required=True, metavar="JSON", help="ExecutorInput")
    parser.add_argument("--json_serialized_inputs_spec_args", default="", metavar="JSON", help="ComponentInputsSpec")
    parser.add_argument("--schema_sha256", help="part of KFP's cache key; checked by the first step")
    parsed, beam = parser.parse_known_args(arguments)
    from pipeline.process.environment import configure_environment

    configure_environment()
    sys.argv = sys.argv[:1]  # TFX passes this process's arguments to Beam
    return run_with_termination_message(lambda: _execute(parsed, beam), parsed.executor_class_path.rpartition(".")[2])


def _execute(parsed: argparse.Namespace, beam: list[str]) -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_utils
    from tfx.types.value_artifact import ValueArtifact

    from pipeline.runners.kubeflow.artifacts import ArtifactTranslator

    given = _message(
        pipeline_spec_pb2.ExecutorInput(), parsed.json_serialized_invocation_args, "--json_serialized_invocation_args"
    )
    definitions = None
    if parsed.json_serialized_inputs_spec_args:
        definitions = _message(
            pipeline_spec_pb2.ComponentInputsSpec(),
            parsed.json_serialized_inputs_spec_args,
            "--json_serialized_inputs_spec_args",
        )
    executor_class = _executor_class(parsed.executor_class_path)
    with _workplace(executor_class, beam, given) as work:
        exchange = ArtifactTranslator(work.place)
        inputs = exchange.inputs(given.inputs.artifacts, definitions)
        outputs = exchange.outputs(given.outputs.artifacts)
        properties = tfx_utils.parse_execution_properties(
            given.inputs.parameter_values, given.inputs.parameters, definitions
        )
        if not work.remote:
            for artifacts in outputs.values():
                for artifact in artifacts:
                    folder = Path(artifact.uri)
                    (folder.parent if isinstance(artifact, ValueArtifact) else folder).mkdir(
                        parents=True, exist_ok=True
                    )
        _check_whole(inputs, given)
        executor_class(_context(executor_class, beam, work.temporary, given)).Do(inputs, outputs, properties)
        _record(outputs)
        result = _result(given, exchange, outputs)
        work.done()
    write_text(Path(local_path(given.outputs.output_file)), json_format.MessageToJson(result, sort_keys=True))


def _result(given: Any, exchange: Any, outputs: dict[str, list[Any]]) -> Any:
    """The ExecutorOutput."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2
    from tfx.orchestration.portable import outputs_utils
    from tfx.types import artifact_utils
    from tfx.types.standard_artifacts import ModelBlessing

    outputs_utils.tag_output_artifacts_with_version(outputs)
    for artifacts in outputs.values():
        for artifact in artifacts:
            if isinstance(artifact, ModelBlessing):
                exchange.bless_by_name(artifact)
    result = pipeline_spec_pb2.ExecutorOutput()
    for key, listed in exchange.written(outputs).items():
        result.artifacts[key].CopyFrom(listed)
    for key in given.outputs.parameters:
        value = artifact_utils.get_single_instance(outputs[key]).read()
        json_format.ParseDict(value, result.parameter_values[key])
    return result


@dataclass(frozen=True)
class _Workplace:
    """Locations of an executor's artifacts.

    Attributes:
      place: Maps a URI to the path or URL that the executor gets.
      temporary: Folder or URL for temporary files.
      remote: Whether the executor gets remote URIs.
      done: To be called after the outputs are written.
    """

    place: Callable[[str], str]
    temporary: str
    remote: bool = False
    done: Callable[[], None] = lambda: None


@contextmanager
def _workplace(executor_class: Any, beam: list[str], given: Any) -> Iterator[_Workplace]:
    """Chooses and prepares the locations. Raises UsageError if an input is missing, and errors of `staging`."""
    on_beam = _is_beam(executor_class)
    if on_beam and by_url(os.environ.get(ARTIFACTS, ""), beam):
        yield _Workplace(_remote_path, f"{_task_root(given)}/.temp", remote=True)
        return
    _check_inputs(given)
    shared = os.environ.get(SHARED, "") if on_beam else ""
    if not shared:
        with tempfile.TemporaryDirectory(prefix="plumbline-") as scratch:
            yield _Workplace(local_path, scratch)
        return
    with staging(shared, f"{_task_root(given)} {given.outputs.output_file}") as stage:
        stage.bring(_uris(given.inputs))
        yield _Workplace(stage.place, str(stage.folder / "temporary"), done=lambda: stage.deliver(_uris(given.outputs)))


def _uris(side: Any) -> list[str]:
    return [artifact.uri for listed in side.artifacts.values() for artifact in listed.artifacts]


def _message(empty: Any, text: str, argument: str) -> Any:
    from google.protobuf import json_format

    try:
        return json_format.Parse(text, empty, ignore_unknown_fields=True)
    except json_format.ParseError as exc:
        raise UsageError(f"{argument}: is no {empty.DESCRIPTOR.name} in JSON ({exc})") from exc


def _executor_class(path: str) -> Any:
    from tfx.utils import import_utils

    try:
        return import_utils.import_class_by_path(path)
    except (ImportError, AttributeError, ValueError) as exc:
        raise ConfigError(f"{path}: the image does not contain this executor ({exc}); build it again") from exc


def _is_beam(executor_class: Any) -> bool:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    return issubclass(executor_class, BaseBeamExecutor)


def _remote_path(uri: str) -> str:
    if uri.startswith("minio://"):
        raise ConfigError(f"{uri}: Beam workers cannot read minio://; give the pipeline a root on s3:// or gs://")
    return uri


def _check_inputs(given: Any) -> None:
    """Raises UsageError for a missing input, since components' own errors would be unclear."""
    for key, listed in given.inputs.artifacts.items():
        for artifact in listed.artifacts:
            if not Path(local_path(artifact.uri)).exists():
                raise UsageError(
                    f"input artifact {key}: {artifact.uri} does not exist; check whether it was deleted from the store"
                )


def _check_whole(inputs: dict[str, list[Any]], given: Any) -> None:
    """Raises DamagedArtifact if an input differs from what its step wrote.

    All bytes of local copies are compared, since copies have new modification times. Inputs that are read by URL are
    compared by the number and size of their files.
    """
    for key, artifacts in inputs.items():
        uris = [artifact.uri for artifact in given.inputs.artifacts[key].artifacts]
        for artifact, uri in zip(artifacts, uris, strict=True):
            content = artifact.get_string_custom_property(CONTENT)
            if content and (found := content_findings(artifact.uri, content)):
                raise DamagedArtifact(
                    f"input artifact {key}: {uri} {found[0].detail}; it is not what its step wrote. Delete it, and run "
                    "once with [kubeflow] cache = false, so that it is produced again",
                    uri,
                )


def _record(outputs: dict[str, list[Any]]) -> None:
    """Stores the digest of each output as a property, which KFP passes to later steps, also from the cache."""
    for artifacts in outputs.values():
        for artifact in artifacts:
            artifact.set_string_custom_property(CONTENT, content_of(artifact.uri))


def _context(executor_class: Any, beam: list[str], temporary: str, given: Any) -> Any:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.dsl.components.base.base_executor import BaseExecutor

    common = {"tmp_dir": temporary, "unique_id": "1", "pipeline_run_id": _run_id(given)}
    if _is_beam(executor_class):
        return BaseBeamExecutor.Context(beam_pipeline_args=beam, **common)
    return BaseExecutor.Context(extra_flags=beam, **common)


def _task_root(given: Any) -> str:
    """The folder of all outputs of a task: <root>/<pipeline>/<run id>/<task>/<random>."""
    uris = _uris(given.outputs)
    return str(uris[0].rpartition("/")[0]) if uris else ""


def _run_id(given: Any) -> str:
    """KFP's run id, taken from the URIs: as a parameter it would change the cache key of every step."""
    parts = _task_root(given).split("/")
    return parts[-3] if len(parts) > 4 else ""


if __name__ == "__main__":
    own_process(main)
