"""Executions that ML Metadata holds as running although nobody works on them any more."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.metadata.connection import connect

RUN = "pipeline_run"
"""Type of the context in which TFX puts the executions of one run."""

LIMIT = 50
"""Interrupted runs that are looked at, the newest first; older ones were when they were the newest."""


def mark_failed(connection: Any, run_ids: Iterable[str]) -> int:
    """Marks the executions of these runs that are in state RUNNING as FAILED; returns how many there were.

    Args:
      connection: See `metadata_connection.connection_config`.
      run_ids: Of runs that nobody is at work on.

    Raises:
      UsageError: The store cannot be read; see `metadata_connection.connect`.
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
    """Ids of the runs below <root>/<dataset> that were killed, the newest first: they have a log and no summary.

    Only for who holds the folder's lock: a run under way has no summary yet, either.
    """
    folders = sorted((home / "reports").glob("*/run.log"), reverse=True)
    return [log.parent.name for log in folders if not (log.parent / "summary.json").exists()][:LIMIT]
