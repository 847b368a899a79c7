"""Extensions of TFX's launcher: verify artifacts before use, and record their files when they are published.

Both use extension points of the launcher: a custom driver, which runs after the inputs are resolved and before the
cache lookup, and the operators that call executors.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf import message
from tfx.orchestration import metadata
from tfx.orchestration.portable import (
    base_driver_operator,
    beam_executor_operator,
    cache_utils,
    data_types,
    python_executor_operator,
)
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import driver_output_pb2, executable_spec_pb2, execution_result_pb2
from tfx.types.artifact import Artifact
from tfx.types.value_artifact import ValueArtifact

from components.shared.artifacts import integrity
from components.shared.artifacts.integrity import CONTENT
from pipeline.metadata.artifact_verification import Verifier

ANY = executable_spec_pb2.PythonClassExecutableSpec()
"""The launcher selects a driver by the type of the node's driver spec; this message stands for CheckingDriver."""


def extensions(verifier: Verifier, executor_spec: message.Message) -> dict[str, Any]:
    """Makes arguments for TFX's Launcher.

    Args:
      verifier: Verifies the artifacts of the run.
      executor_spec: Executor spec of the node, a part of its cache key.
    """
    return {
        "custom_driver_spec": ANY,
        "custom_driver_operators": {type(ANY): partial(CheckingDriver, verifier=verifier, executor_spec=executor_spec)},
        "custom_executor_operators": {
            executable_spec_pb2.PythonClassExecutableSpec: RecordingPythonOperator,
            executable_spec_pb2.BeamExecutableSpec: RecordingBeamOperator,
        },
    }


class CheckingDriver(base_driver_operator.BaseDriverOperator):
    """Verifies the inputs and the cached executions of a node, and moves outputs away from existing folders."""

    SUPPORTED_EXECUTABLE_SPEC_TYPE = [type(ANY)]

    def __init__(
        self,
        driver_spec: message.Message,
        mlmd_connection: metadata.Metadata,
        *,
        verifier: Verifier,
        executor_spec: message.Message,
    ) -> None:
        super().__init__(driver_spec, mlmd_connection)
        self._verifier = verifier
        self._executor_spec = executor_spec

    def run_driver(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Runs before the cache lookup; called by the launcher.

        Raises:
          DamagedArtifact: An input is damaged.
        """
        # The launcher made this folder for drivers that write files.
        shutil.rmtree(Path(execution_info.execution_output_uri).parent, ignore_errors=True)
        with self._mlmd_connection as handle:
            inputs = [one.mlmd_artifact for listed in execution_info.input_dict.values() for one in listed]
            self._verifier.check_inputs(handle.store, inputs)
            context = cache_utils.get_cache_context(
                metadata_handle=handle,
                pipeline_node=execution_info.pipeline_node,
                pipeline_info=execution_info.pipeline_info,
                executor_spec=self._executor_spec,
                input_artifacts=execution_info.input_dict,
                output_artifacts=execution_info.output_dict,
                parameters=execution_info.exec_properties,
            )
            self._check_cache(handle.store, context)
        return _placed(execution_info.output_dict)

    def _check_cache(self, store: Any, context: Any) -> None:
        """Sets damaged cached executions aside, from the newest to the first undamaged one.

        The order is that of cache_utils.get_cached_outputs, which skips executions with missing folders silently.
        """
        successes = filter(execution_lib.is_execution_successful, store.get_executions_by_context(context.id))
        for execution in execution_lib.sort_executions_newest_to_oldest(successes):
            events = store.get_events_by_execution_ids([execution.id])
            made = store.get_artifacts_by_id([event.artifact_id for event in events if event.type == event.OUTPUT])
            if all(one.state == one.LIVE for one in made) and not self._verifier.set_aside_damaged(store, made):
                return


def _placed(outputs: Mapping[str, Sequence[Artifact]]) -> driver_output_pb2.DriverOutput:
    """Assigns new folders to outputs whose folders exist already.

    The folder's name is the execution id. Ids are reused if the metadata was lost or an older copy was restored.
    """
    said = driver_output_pb2.DriverOutput()
    for key, artifacts in outputs.items():
        places = [_free(artifact) for artifact in artifacts]
        if places == [artifact.uri for artifact in artifacts]:
            continue
        for artifact, place in zip(artifacts, places, strict=True):
            one = said.output_artifacts[key].artifacts.add()
            one.CopyFrom(artifact.mlmd_artifact)
            one.uri = place
    return said


def _free(artifact: Artifact) -> str:
    if artifact.is_external:
        return str(artifact.uri)
    inside = os.path.basename(artifact.uri) if isinstance(artifact, ValueArtifact) else ""
    folder = os.path.dirname(artifact.uri) if inside else artifact.uri
    number, place = 1, folder
    while os.path.lexists(place) or integrity.record_file(os.path.join(place, inside) if inside else place).exists():
        number += 1
        place = f"{folder}-{number}"
    return os.path.join(place, inside) if inside else place


class RecordingPythonOperator(python_executor_operator.PythonExecutorOperator):
    """Runs a Python executor and records the files of its outputs before they are published."""

    def run_executor(self, execution_info: data_types.ExecutionInfo) -> execution_result_pb2.ExecutorOutput:
        """Runs the executor; called by the launcher."""
        return _recorded(super().run_executor(execution_info))


class RecordingBeamOperator(beam_executor_operator.BeamExecutorOperator):
    """As RecordingPythonOperator, for Beam executors."""

    def run_executor(self, execution_info: data_types.ExecutionInfo, *args: Any) -> execution_result_pb2.ExecutorOutput:
        """Runs the executor; called by the launcher."""
        return _recorded(super().run_executor(execution_info, *args))


def _recorded(output: execution_result_pb2.ExecutorOutput) -> execution_result_pb2.ExecutorOutput:
    if output.execution_result.code == 0:
        for listed in output.output_artifacts.values():
            for artifact in listed.artifacts:
                if artifact.uri and "://" not in artifact.uri:
                    artifact.custom_properties[CONTENT].string_value = integrity.record(artifact.uri).content
    return output
