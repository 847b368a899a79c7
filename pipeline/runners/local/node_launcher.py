"""Launches the nodes of a compiled pipeline one by one in this process.

Unlike LocalDagRunner, which runs all nodes in one call, it reports each node's state, duration and artifacts.
"""

import sys
from collections.abc import Callable
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils

from pipeline.metadata.artifact_verification import Verifier
from pipeline.metadata.stored_artifact import StoredArtifact, stored_artifact
from pipeline.runners.local.launcher_extensions import extensions


class LocalNodes:
    """The nodes of one run, in topological order."""

    def __init__(self, create: Callable[[Any], Pipeline], connection: Any, run_id: str, verifier: Verifier) -> None:
        """Compiles the pipeline.

        Args:
          create: Makes the pipeline from a metadata connection config.
          connection: ML Metadata's connection config; a missing SQLite file or database is created.
          run_id: Id of this run.
          verifier: Verifies the artifacts that a node uses.
        """
        self._connection = connection
        self._verifier = verifier
        self._ir = compiler.Compiler().compile(create(self._connection))
        runtime_parameter_utils.substitute_runtime_parameter(
            self._ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        self._deployment = runner_utils.extract_local_deployment_config(self._ir)
        self._nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in self._ir.nodes}
        # TFX passes this process's arguments to Beam; Plumbline's arguments are not for Beam.
        sys.argv = sys.argv[:1]

    @property
    def ids(self) -> list[str]:
        """Node ids in order of execution."""
        return list(self._nodes)

    def launch(self, node_id: str) -> tuple[str, dict[str, StoredArtifact]]:
        """Runs a node, or uses a cached execution.

        Returns:
          "executed" or "cached"; and "Node.output" -> artifact.

        Raises:
          DamagedArtifact: An input is damaged and was set aside.
          Exception: Any exception of the executor, after the failed execution has been recorded.
        """
        executor_spec = runner_utils.extract_executor_spec(self._deployment, node_id)
        info = launcher.Launcher(
            pipeline_node=self._nodes[node_id],
            mlmd_connection=metadata.Metadata(self._connection),
            pipeline_info=self._ir.pipeline_info,
            pipeline_runtime_spec=self._ir.runtime_spec,
            executor_spec=executor_spec,
            **extensions(self._verifier, executor_spec),
        ).launch()
        if info is None or info.execution_id is None:
            raise RuntimeError(f"{node_id} was not launched: an input that it needs was not produced")
        with metadata.Metadata(self._connection) as handle:
            store = handle.store
            (execution,) = store.get_executions_by_id([info.execution_id])
            cached = execution.last_known_state == metadata_store_pb2.Execution.CACHED
            outputs = {
                event.path.steps[0].key: event.artifact_id
                for event in store.get_events_by_execution_ids([info.execution_id])
                if event.type == metadata_store_pb2.Event.OUTPUT
            }
            found = {artifact.id: artifact for artifact in store.get_artifacts_by_id(list(outputs.values()))}
        return "cached" if cached else "executed", {
            f"{node_id}.{key}": stored_artifact(found[id_]) for key, id_ in outputs.items()
        }
