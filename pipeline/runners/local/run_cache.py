"""Between a local run and its records: asks before it, keeps after it."""

import logging
from pathlib import Path
from typing import Any

from pipeline.metadata.artifact_verification import Verifier
from pipeline.metadata.connection import connect
from pipeline.runners.local.cache_record import keep, load, nodes_of_run
from pipeline.runners.local.cached_nodes import CachedNodes, reusable

_log = logging.getLogger(__name__)


def cached_nodes(
    home: Path, key: str, connection: Any, pipeline: str, run_id: str, verifier: Verifier
) -> CachedNodes | None:
    """The nodes of a run that is cached as a whole; None if one of them may have to be executed.

    Args:
      home: <root>/<dataset>.
      key: See `run_key`.
      connection: ML Metadata's connection config.
      pipeline: The pipeline's name.
      run_id: Name of the run that asks.
      verifier: Checks the results; a damaged one is set aside.
    """
    nodes = load(home, key)
    if not nodes:
        return None
    try:
        store = connect(connection, read_only=False)
        found = reusable(store, pipeline, nodes, verifier)
    except Exception:  # whatever is wrong with the metadata, TFX's launcher will meet it, and the run will tell it
        _log.exception("the metadata could not be asked for cached results")
        return None
    return CachedNodes(store, found, run_id) if found else None


def remember(home: Path, key: str, connection: Any, run_id: str) -> None:
    """Keeps the record of a run that came to its end. A failure costs the next run its time, and this one nothing."""
    try:
        keep(home, key, nodes_of_run(connect(connection), run_id))
    except Exception:
        _log.exception("the run could not be recorded for reuse")
