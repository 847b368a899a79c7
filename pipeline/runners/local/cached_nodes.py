"""Fully cached runs: looks cached executions up as TFX's cache does, and records them as TFX's launcher does.

TFX's cache key of a component is a digest of its part of the compiled pipeline and of the messages of its input
artifacts (tfx/orchestration/portable/cache_utils.py). Runs with the same run key have the same compiled pipeline. If,
in topological order, each cache context of the recorded run still returns the recorded artifacts unchanged, then the
inputs of the next component, and so its cache key, are the same: TFX would use the same cached executions.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.metadata.artifact_verification import Verifier
from pipeline.metadata.stored_artifact import StoredArtifact, stored_artifact
from pipeline.runners.local.cache_record import CACHE, NODE, RUN, Node, artifact_digest

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

PIPELINE = "pipeline"
RESULT = "__execution_result__"
"""Custom property in which TFX stores an executor's result message; cached executions do not have it."""


@dataclass(frozen=True)
class CachedResult:
    """A cached execution.

    Attributes:
      node: The node of the recorded run.
      contexts: Contexts of the pipeline, the node and the cache.
      execution: The execution in ML Metadata.
      events: Its events.
      artifacts: Artifact id -> artifact, for all events.
    """

    node: Node
    contexts: "Sequence[mlmd.Context]"
    execution: "mlmd.Execution"
    events: "Sequence[mlmd.Event]"
    artifacts: "dict[int, mlmd.Artifact]"

    def outputs(self) -> "dict[int, mlmd.Artifact]":
        """Returns the output artifacts by id."""
        made = [event.artifact_id for event in self.events if event.type == event.OUTPUT]
        return {id_: self.artifacts[id_] for id_ in made}


def reusable(
    store: "metadata_store.MetadataStore", pipeline: str, nodes: Sequence[Node], verifier: Verifier
) -> "tuple[CachedResult, ...]":
    """Looks up the cached execution of every node.

    Args:
      store: ML Metadata.
      pipeline: The pipeline's name.
      nodes: Nodes of a complete run with the same key, in order of execution.
      verifier: Verifies the output artifacts and sets damaged ones aside.

    Returns:
      A cached execution for each node; empty if TFX might have to execute one of them.
    """
    found = []
    for node in nodes:
        one = _find(store, pipeline, node)
        if one is None:
            return ()
        found.append(one)
    # Verify all of them, so that one run produces all damaged artifacts again.
    made = {id_: artifact for one in found for id_, artifact in one.outputs().items()}
    return () if verifier.set_aside_damaged(store, made.values()) else tuple(found)


def _find(store: "metadata_store.MetadataStore", pipeline: str, node: Node) -> CachedResult | None:
    """As cache_utils.get_cached_outputs: the newest successful execution whose output artifacts all exist."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    names = ((PIPELINE, pipeline), (NODE, f"{pipeline}.{node.id}"), (CACHE, node.cache_context))
    contexts = [store.get_context_by_type_and_name(*name) for name in names]
    if None in contexts:
        return None
    successes = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)
    candidates = [one for one in store.get_executions_by_context(contexts[-1].id) if one.last_known_state in successes]
    for execution in sorted(candidates, key=lambda one: one.create_time_since_epoch, reverse=True):
        events = store.get_events_by_execution_ids([execution.id])
        artifacts = {
            artifact.id: artifact for artifact in store.get_artifacts_by_id([event.artifact_id for event in events])
        }
        found = CachedResult(node, contexts, execution, events, artifacts)
        outputs = list(found.outputs().values())
        if all(one.state == mlmd.Artifact.LIVE and one.uri and Path(one.uri).exists() for one in outputs):
            same = {str(one.id): artifact_digest(one) for one in outputs} == node.outputs
            return found if same else None
    return None


class CachedNodes:
    """The nodes of a fully cached run, with the interface of LocalNodes (`ids`, `launch`)."""

    def __init__(self, store: "metadata_store.MetadataStore", found: Sequence[CachedResult], run_id: str) -> None:
        """Prepares the run without writing.

        Args:
          store: ML Metadata, open for writing.
          found: Cached executions, see `reusable`.
          run_id: Id of this run.
        """
        self._store = store
        self._found = {one.node.id: one for one in found}
        self._run_id = run_id

    @property
    def ids(self) -> list[str]:
        """Node ids in order of execution."""
        return list(self._found)

    def launch(self, node_id: str) -> tuple[str, dict[str, StoredArtifact]]:
        """Records a cached execution of a node for this run.

        Returns:
          "cached"; and "Node.output" -> artifact.
        """
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        found = self._found[node_id]
        pipeline, node, cache = found.contexts
        execution = mlmd.Execution(
            type_id=found.execution.type_id, name=str(uuid.uuid4()), last_known_state=mlmd.Execution.RUNNING
        )
        for name, value in found.execution.properties.items():
            execution.properties[name].CopyFrom(value)
        for name, value in found.execution.custom_properties.items():
            if name != RESULT:
                execution.custom_properties[name].CopyFrom(value)
        # TFX's launcher registers and publishes an execution in two transactions; a killed run has the same state here.
        contexts = [pipeline, self._run_context(pipeline), node]
        execution.id = self._put(execution, found, mlmd.Event.INPUT, contexts)
        execution.last_known_state = mlmd.Execution.CACHED
        self._put(execution, found, mlmd.Event.OUTPUT, [*contexts, cache])
        return "cached", {
            f"{node_id}.{event.path.steps[0].key}": stored_artifact(found.artifacts[event.artifact_id])
            for event in found.events
            if event.type == mlmd.Event.OUTPUT
        }

    def _run_context(self, pipeline: "mlmd.Context") -> "mlmd.Context":
        """The run's context, created below the pipeline's context when it does not exist."""
        from ml_metadata.proto import metadata_store_pb2 as mlmd

        known = self._store.get_context_by_type_and_name(RUN, self._run_id)
        if known is not None:
            return known
        kind = self._store.get_context_type(RUN).id
        (made,) = self._store.put_contexts([mlmd.Context(type_id=kind, name=self._run_id)])
        self._store.put_parent_contexts([mlmd.ParentContext(child_id=made, parent_id=pipeline.id)])
        return self._store.get_context_by_type_and_name(RUN, self._run_id)

    def _put(self, execution: "mlmd.Execution", found: CachedResult, kind: int, contexts: "list[mlmd.Context]") -> int:
        pairs: list[Any] = []
        for event in found.events:
            if event.type == kind:
                new = type(event)(type=event.type, path=event.path)
                pairs.append((found.artifacts[event.artifact_id], new))
        id_, _, _ = self._store.put_execution(
            execution,
            pairs,
            contexts,
            reuse_context_if_already_exist=True,
            reuse_artifact_if_already_exist_by_external_id=True,
            force_reuse_context=True,
        )
        return int(id_)
