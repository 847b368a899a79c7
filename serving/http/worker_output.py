"""Passes on what worker processes write to standard error, without the log lines of TensorFlow's C++ code."""

import re
import subprocess
import sys
import threading
from collections import deque

KEPT = 40
"""Lines that are kept to be shown if the process dies."""
_LIBRARY = re.compile(
    rb"[IWE]\d{4} \d\d:\d\d:\d+\.\d+ |WARNING: All log messages before absl|\d{4}-\d\d-\d\d .*: [IWE] "
)
"""Lines in the formats of absl and TensorFlow, such as "I0000 00:00:17.76 27524 cudart_stub.cc:31] ...": about graphics
cards that are not there, and the like. A fatal error, F, is passed on."""


class WorkerOutput:
    """Reads the standard error of one process by a thread until it ends."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """Starts reading; the process was started with stderr=subprocess.PIPE."""
        self._process = process
        self._hidden: deque[bytes] = deque(maxlen=KEPT)
        self._thread = threading.Thread(target=self._pass_on, name=f"output of {process.pid}", daemon=True)
        self._thread.start()

    def _pass_on(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if _LIBRARY.match(line):
                self._hidden.append(line)
            else:
                self._write(line)

    def show_hidden(self) -> None:
        """Writes the last hidden lines: the process has died, and they may say why."""
        self._thread.join(1)
        for line in list(self._hidden):
            self._write(line)

    @staticmethod
    def _write(line: bytes) -> None:
        try:
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
        except (OSError, ValueError):  # nobody reads standard error any more; the server goes on
            return
