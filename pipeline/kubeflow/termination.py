"""How a step ends: exit code, one line for a person, and the same line where Kubernetes shows it."""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from components.errors import PlumblineError

LOG = "PLUMBLINE_TERMINATION_LOG"
"""Environment variable: the file whose text becomes the pod's termination message; Kubernetes' own unless it is set."""

LONGEST = 4096
"""Bytes that Kubernetes keeps of it."""


def guarded(run: Callable[[], None], name: str) -> int:
    """Runs a step; returns its exit code: that of the PlumblineError it raised, 1 for any other error.

    A user's mistake is one line on stderr, anything else a trace and one line.
    """
    try:
        run()
        return 0
    except PlumblineError as exc:
        message, code = " ".join(str(exc).split()), exc.exit_code
    except Exception as exc:
        traceback.print_exc()
        lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
        message, code = f"{name} failed: {type(exc).__name__}: {lines[-1] if lines else ''}", 1
    print(f"plumbline: {message}", file=sys.stderr, flush=True)
    _terminate_with(message)
    return code


def _terminate_with(message: str) -> None:
    path = Path(os.environ.get(LOG, "/dev/termination-log"))
    with suppress(OSError):  # on a laptop there is none, and a message lost must not hide the exit code
        if path.exists():
            path.write_bytes(message.encode()[:LONGEST].decode(errors="ignore").encode())  # no half character
