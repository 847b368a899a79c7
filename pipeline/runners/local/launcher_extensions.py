"""What TFX's launcher is given so that artifacts are checked before use, and recorded when they are published.

Both are extension points of the launcher: a driver, which it asks after it has resolved a node's inputs and before it
asks its cache, and the operators that call executors.
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
"""The launcher asks a driver only where a node names one; ours is found by the type of this."""


def extensions(verifier: Verifier, executor_spec: message.Message) -> dict[str, Any]:
    """Arguments for TFX's Launcher; `executor_spec` is the node's, which is part of its cache key."""
    return {
        "custom_driver_spec": ANY,
        "custom_driver_operators": {type(ANY): partial(CheckingDriver, verifier=verifier, executor_spec=executor_spec)},
        "custom_executor_operators": {
            executable_spec_pb2.PythonClassExecutableSpec: RecordingPythonOperator,
            executable_spec_pb2.BeamExecutableSpec: RecordingBeamOperator,
        },
    }


class CheckingDriver(base_driver_operator.BaseDriverOperator):
    """Checks inputs and what the cache would offer; gives outputs a place that is not there yet."""

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
        """Called by the launcher. DamagedArtifact if an input is damaged."""
        shutil.rmtree(Path(execution_info.execution_output_uri).parent, ignore_errors=True)  # for drivers that write
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
        """Sets aside what is damaged of the results that the cache would offer, from the newest to the first whole one.

        As cache_utils.get_cached_outputs goes through them; but that leaves out a result whose folder is gone without
        a word.
        """
        successes = filter(execution_lib.is_execution_successful, store.get_executions_by_context(context.id))
        for execution in execution_lib.sort_executions_newest_to_oldest(successes):
            events = store.get_events_by_execution_ids([execution.id])
            made = store.get_artifacts_by_id([event.artifact_id for event in events if event.type == event.OUTPUT])
            if all(one.state == one.LIVE for one in made) and not self._verifier.set_aside_damaged(store, made):
                return


def _placed(outputs: Mapping[str, Sequence[Artifact]]) -> driver_output_pb2.DriverOutput:
    """The outputs whose places were taken, at other places.

    The id in a place is that of the execution, and ids begin again where metadata was lost, or go back where an older
    copy was restored.
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
    """Records what an executor wrote, before it is published."""

    def run_executor(self, execution_info: data_types.ExecutionInfo) -> execution_result_pb2.ExecutorOutput:
        """Called by the launcher."""
        return _recorded(super().run_executor(execution_info))


class RecordingBeamOperator(beam_executor_operator.BeamExecutorOperator):
    """As RecordingPythonOperator, for executors on Beam."""

    def run_executor(self, execution_info: data_types.ExecutionInfo, *args: Any) -> execution_result_pb2.ExecutorOutput:
        """Called by the launcher."""
        return _recorded(super().run_executor(execution_info, *args))


def _recorded(output: execution_result_pb2.ExecutorOutput) -> execution_result_pb2.ExecutorOutput:
    if output.execution_result.code == 0:
        for listed in output.output_artifacts.values():
            for artifact in listed.artifacts:
                if artifact.uri and "://" not in artifact.uri:
                    artifact.custom_properties[CONTENT].string_value = integrity.record(artifact.uri).content
    return output
