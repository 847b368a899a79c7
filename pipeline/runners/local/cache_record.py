"""What a complete run leaves for the next one: by its key, where each component's result is in ML Metadata.

A record is only a hint, kept as <root>/<dataset>/cache/runs/<key>.json: ML Metadata decides, see `reusable`. A lost or
unreadable one costs time, nothing else.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.files import write_json

if TYPE_CHECKING:
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

RUN, NODE, CACHE = "pipeline_run", "node", "execution_cache"
"""Types of the contexts in which TFX puts every execution, beside "pipeline"."""

KEPT = 100
"""Records kept of a dataset: a replay of 12 spans in 8 variants stays cached as a whole."""


@dataclass(frozen=True)
class Node:
    """One component's result.

    Attributes:
      id: Of the node.
      cache_context: Name of its cache context: TFX's digest of its parameters, executor and input artifacts.
      outputs: Artifact id, as text -> digest of the artifact's message.
    """

    id: str
    cache_context: str
    outputs: dict[str, str]


def artifact_digest(artifact: "mlmd.Artifact") -> str:
    """SHA-256 of the message, which is what TFX hashes of an input into a cache key."""
    return hashlib.sha256(artifact.SerializeToString(deterministic=True)).hexdigest()


def nodes_of_run(store: "metadata_store.MetadataStore", run_id: str) -> tuple[Node, ...]:
    """The nodes of a run, in the order in which they ran; empty if the store does not know the run."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    run = store.get_context_by_type_and_name(RUN, run_id)
    if run is None:
        return ()
    nodes = []
    for execution in sorted(store.get_executions_by_context(run.id), key=lambda one: one.id):
        contexts = {context.type: context.name for context in store.get_contexts_by_execution(execution.id)}
        events = store.get_events_by_execution_ids([execution.id])
        made = store.get_artifacts_by_id([event.artifact_id for event in events if event.type == mlmd.Event.OUTPUT])
        outputs = {str(artifact.id): artifact_digest(artifact) for artifact in made}
        nodes.append(Node(contexts[NODE].rpartition(".")[2], contexts[CACHE], outputs))
    return tuple(nodes)


def keep(home: Path, key: str, nodes: tuple[Node, ...]) -> None:
    """Keeps a complete run's record; the oldest ones above KEPT go."""
    write_json(_file(home, key), {"nodes": [asdict(node) for node in nodes]})
    kept = sorted(_file(home, key).parent.glob("*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in kept[KEPT:]:
        file.unlink(missing_ok=True)


def load(home: Path, key: str) -> tuple[Node, ...]:
    """The nodes of the last complete run with that key; empty if there is no record that can be read."""
    try:
        found: dict[str, Any] = json.loads(_file(home, key).read_text(encoding="utf-8"))
        return tuple(Node(**node) for node in found["nodes"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _file(home: Path, key: str) -> Path:
    return home / "cache" / "runs" / f"{key}.json"
