"""The folder of a dataset's runs, from one run to the next: what a killed one left is closed before the next begins."""

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
"""Where TFX gives executors a folder for temporary files; only a killed run leaves one behind."""

_log = logging.getLogger(__name__)


@contextmanager
def run_place(home: Path, run_id: str, connection: Any) -> Iterator[None]:
    """A run's surroundings: temporary files below <home>/.tmp, and what an interruption leaves is closed.

    Only for who holds the folder's lock, with stderr going to the run's log. Executions that earlier, killed runs left
    in state RUNNING are marked as failed first, their temporary files removed.

    Args:
      home: <root>/<dataset>.
      run_id: This run's.
      connection: See `metadata_connection.connection_config`.

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
    """Removes the temporary folders of TFX's executors below <root>/<dataset>. Only for who holds its lock."""
    for folder in home.glob(TEMPORARY):
        shutil.rmtree(folder, ignore_errors=True)


def log_trace(exc: BaseException) -> None:
    """Writes an exception's trace to stderr, which is the run's log while a run is under way."""
    with suppress(OSError):  # the disk may be what is full
        sys.stderr.write(without_secrets("".join(traceback.format_exception(exc))))
