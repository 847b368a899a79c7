"""Marks executions of killed runs, which ML Metadata still records as running, as failed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.metadata.connection import connect

RUN = "pipeline_run"
"""Type of the context in which TFX puts the executions of one run."""

LIMIT = 50
"""Number of interrupted runs that are considered, the newest first. Earlier calls have handled the older ones."""


def mark_failed(connection: Any, run_ids: Iterable[str]) -> int:
    """Changes the state of a run's executions from RUNNING to FAILED.

    Args:
      connection: See `connection.connection_config`.
      run_ids: Ids of runs that have ended.

    Returns:
      Number of changed executions.

    Raises:
      UsageError: The store cannot be read; see `connection.connect`.
    """
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    run_ids = list(run_ids)
    if not run_ids or (connection.HasField("sqlite") and not Path(connection.sqlite.filename_uri).is_file()):
        return 0
    store = connect(connection, read_only=False)
    marked = 0
    for run_id in run_ids:
        context = store.get_context_by_type_and_name(RUN, run_id)
        if context is None:
            continue
        running = mlmd.Execution.RUNNING
        left = [one for one in store.get_executions_by_context(context.id) if one.last_known_state == running]
        for execution in left:
            execution.last_known_state = mlmd.Execution.FAILED
        if left:
            store.put_executions(left)
        marked += len(left)
    return marked


def interrupted_runs(home: Path) -> list[str]:
    """Lists the ids of killed runs below <root>/<dataset>, newest first: those with a log and without a summary.

    The caller must hold the folder's lock, since an active run has no summary yet.
    """
    folders = sorted((home / "reports").glob("*/run.log"), reverse=True)
    return [log.parent.name for log in folders if not (log.parent / "summary.json").exists()][:LIMIT]
