"""Looks up and stores the cache record of a local run."""

import logging
from pathlib import Path
from typing import Any

from components.shared.failure_log import log_failure
from pipeline.metadata.artifact_verification import Verifier
from pipeline.metadata.connection import connect
from pipeline.runners.local.cache_record import keep, load, nodes_of_run
from pipeline.runners.local.cached_nodes import CachedNodes, reusable

_log = logging.getLogger(__name__)


def cached_nodes(
    home: Path, key: str, connection: Any, pipeline: str, run_id: str, verifier: Verifier
) -> CachedNodes | None:
    """Looks up the cached executions of a run.

    Args:
      home: <root>/<dataset>.
      key: The run key, see `run_key`.
      connection: ML Metadata's connection config.
      pipeline: The pipeline's name.
      run_id: Id of this run.
      verifier: Verifies the artifacts and sets damaged ones aside.

    Returns:
      The nodes of a fully cached run; None if a node may have to be executed.
    """
    nodes = load(home, key)
    if not nodes:
        return None
    try:
        store = connect(connection, read_only=False)
        found = reusable(store, pipeline, nodes, verifier)
    except Exception:  # TFX's launcher will meet the same error of the metadata, and the run will report it
        log_failure(_log, "the metadata could not be searched for cached executions")
        return None
    return CachedNodes(store, found, run_id) if found else None


def remember(home: Path, key: str, connection: Any, run_id: str) -> None:
    """Stores the cache record of a complete run. A failure is only logged: the next run takes longer then.

    Args:
      home: <root>/<dataset>.
      key: The run key, see `run_key`.
      connection: ML Metadata's connection config.
      run_id: Id of this run.
    """
    try:
        keep(home, key, nodes_of_run(connect(connection), run_id))
    except Exception:
        log_failure(_log, "the cache record of the run could not be stored")
