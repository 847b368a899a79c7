"""How a step ends: exit code, one line for a person, and the same line where Kubernetes shows it."""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from components.errors import PlumblineError
from components.secret_texts import message_line, without_secrets
from pipeline.endings.failures import known, one_line
from pipeline.endings.interruption import Interrupted, received

LOG = "PLUMBLINE_TERMINATION_LOG"
"""Environment variable: the file whose text becomes the pod's termination message; Kubernetes' own unless it is set."""

LONGEST = 4096
"""Bytes that Kubernetes keeps of it."""


def guarded(run: Callable[[], None], name: str) -> int:
    """Runs a step; returns its exit code: that of the PlumblineError that it raised or that its error stands for.

    A user's mistake and a signal are one line on stderr; anything else is a trace, which nobody could ask for
    afterwards, and one line; exit code 1 for what nothing is known of.
    """
    try:
        run()
        return 0
    except PlumblineError as exc:
        message, code = message_line(exc), exc.exit_code
    except Interrupted as exc:
        message, code = str(exc), exc.exit_code
    except Exception as exc:
        interrupted = received()
        if interrupted is not None:  # C++ has made another exception of it
            message, code = str(interrupted), interrupted.exit_code
        else:
            sys.stderr.write(without_secrets(traceback.format_exc()))
            error = known(exc, step=name)
            message = message_line(f"{name} failed: {error if error is not None else one_line(exc)}")
            code = 1 if error is None else error.exit_code
    print(f"plumbline: {message}", file=sys.stderr, flush=True)
    _terminate_with(message)
    return code


def _terminate_with(message: str) -> None:
    path = Path(os.environ.get(LOG, "/dev/termination-log"))
    with suppress(OSError):  # on a laptop there is none, and a message lost must not hide the exit code
        if path.exists():
            path.write_bytes(message.encode()[:LONGEST].decode(errors="ignore").encode())  # no half character
