"""Prepares a dataset's run folder: cleans up after killed runs, and provides temporary files for this run."""

import logging
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from components.shared.texts.secrets import without_secrets
from pipeline.metadata.open_executions import interrupted_runs, mark_failed
from pipeline.process.signals import on_interruption
from pipeline.process.temporary_files import NAME, scratch

TEMPORARY = "artifacts/*/.system/executor_execution/*/.temp"
"""TFX's temporary folders of executors; they remain only after a killed run."""

_log = logging.getLogger(__name__)


@contextmanager
def run_place(home: Path, run_id: str, connection: Any) -> Iterator[None]:
    """Provides a temporary folder below <home>/.tmp for a run, and cleans up if the run is interrupted.

    First marks executions of killed runs, which are still in state RUNNING, as failed and removes their temporary
    files. The caller must hold the folder's lock and have redirected stderr to the run's log.

    Args:
      home: <root>/<dataset>.
      run_id: Id of this run.
      connection: See `pipeline.metadata.connection.connection_config`.

    Raises:
      UsageError: The metadata cannot be read.
      OSError: The folder cannot be written.
    """
    killed = [one for one in interrupted_runs(home) if one != run_id]
    marked = mark_failed(connection, killed)
    if marked:
        _log.warning("%d executions of killed runs marked as failed: %s", marked, ", ".join(killed))
    remove_temporary(home)

    def close() -> None:
        remove_temporary(home)
        mark_failed(connection, [run_id])

    with scratch(home / NAME), on_interruption(close):
        try:
            yield
        except Exception as exc:
            log_trace(exc)
            raise


def remove_temporary(home: Path) -> None:
    """Removes the temporary folders of TFX's executors below <root>/<dataset>. The caller must hold its lock."""
    for folder in home.glob(TEMPORARY):
        shutil.rmtree(folder, ignore_errors=True)


def log_trace(exc: BaseException) -> None:
    """Writes an exception's traceback to stderr, which is redirected to the run's log during a run."""
    with suppress(OSError):  # the disk may be full
        sys.stderr.write(without_secrets("".join(traceback.format_exception(exc))))
