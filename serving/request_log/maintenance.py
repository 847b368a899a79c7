"""Thread that seals segments and deletes old files while a server runs."""

import logging
import os
import threading
from contextlib import suppress

import pyarrow as pa

from components.shared.errors import PlumblineError
from serving.request_log.layout import Layout
from serving.request_log.retention import apply_retention
from serving.request_log.sealing import seal_segments
from serving.request_log.settings import LogSettings

_LOG = logging.getLogger(__name__)

SECONDS = 60.0
"""Time between two passes; a closed segment is sealed at once."""
_NICENESS = 10


class Maintenance:
    """Seals the segments that no process appends to, also those of killed processes, and applies retention."""

    def __init__(self, layout: Layout, settings: LogSettings) -> None:
        self._layout = layout
        self._settings = settings
        self._wake = threading.Event()
        self._stopping = False
        self._failed = ""
        self._thread = threading.Thread(target=self._run, name="request log maintenance", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Asks for a pass now."""
        self._wake.set()

    def stop(self, timeout: float) -> None:
        """Makes a last pass, and ends the thread; waits at most `timeout` seconds."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        with suppress(OSError, AttributeError):  # of this thread alone, on Linux: answers come first
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        is_last = False
        while not is_last:
            self._wake.wait(SECONDS)
            self._wake.clear()
            is_last = self._stopping  # read before the pass: what was closed before `stop` is sealed
            self._pass()

    def _pass(self) -> None:
        try:
            for sealed in seal_segments(self._layout):
                if sealed.damaged_bytes:
                    _LOG.error("request log: %s", sealed.damage_text())
            apply_retention(self._layout, self._settings)
        except (OSError, pa.ArrowException, PlumblineError) as exc:
            if str(exc) != self._failed:  # once, not each minute
                _LOG.error("request log: segments cannot be sealed now: %s", exc)
            self._failed = str(exc)
        else:
            self._failed = ""
