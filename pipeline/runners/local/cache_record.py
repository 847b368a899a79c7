"""Records of complete runs: for each run key, the cached execution of each component in ML Metadata.

A record is a hint in <root>/<dataset>/cache/runs/<key>.json; ML Metadata decides, see `cached_nodes.reusable`. If a
record is lost or unreadable, TFX's own cache is used, which takes longer.
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
"""Types of the contexts to which TFX adds every execution, besides "pipeline"."""

KEPT = 100
"""Number of records kept for a dataset; enough for a replay of 12 spans in 8 variants."""


@dataclass(frozen=True)
class Node:
    """A component's cached execution.

    Attributes:
      id: Node id.
      cache_context: Name of TFX's cache context: a digest of parameters, executor and input artifacts.
      outputs: Id of each output artifact, as text -> digest of the artifact's message.
    """

    id: str
    cache_context: str
    outputs: dict[str, str]


def artifact_digest(artifact: "mlmd.Artifact") -> str:
    """Returns the SHA-256 of an artifact's message, in hexadecimal. TFX hashes the same message into cache keys."""
    return hashlib.sha256(artifact.SerializeToString(deterministic=True)).hexdigest()


def nodes_of_run(store: "metadata_store.MetadataStore", run_id: str) -> tuple[Node, ...]:
    """Reads the nodes of a run in order of execution; empty if the store does not contain the run."""
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
    """Writes the record of a complete run and deletes the oldest records above KEPT.

    Args:
      home: <root>/<dataset>.
      key: The run key, see `run_key`.
      nodes: The run's nodes.
    """
    write_json(_file(home, key), {"nodes": [asdict(node) for node in nodes]})
    kept = sorted(_file(home, key).parent.glob("*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in kept[KEPT:]:
        file.unlink(missing_ok=True)


def load(home: Path, key: str) -> tuple[Node, ...]:
    """Reads the nodes of the last complete run with a key; empty if there is no readable record."""
    try:
        found: dict[str, Any] = json.loads(_file(home, key).read_text(encoding="utf-8"))
        return tuple(Node(**node) for node in found["nodes"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _file(home: Path, key: str) -> Path:
    return home / "cache" / "runs" / f"{key}.json"
