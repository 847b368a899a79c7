"""How a step ends: exit code, one line for a person, and the same line where Kubernetes shows it."""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from components.shared.errors import PlumblineError
from components.shared.texts.secrets import message_line, without_secrets
from pipeline.process.error_messages import known, one_line
from pipeline.process.signals import Interrupted, announce_once, on_interruption, received
from pipeline.process.standard_streams import say

LOG = "PLUMBLINE_TERMINATION_LOG"
"""Environment variable: the file whose text becomes the pod's termination message; Kubernetes' own unless it is set."""

LONGEST = 4096
"""Bytes that Kubernetes keeps of it."""


def run_with_termination_message(run: Callable[[], None], name: str) -> int:
    """Runs a step; returns its exit code: that of the PlumblineError that it raised or that its error stands for.

    A user's mistake and a signal are one line on stderr; anything else is a trace, which nobody could ask for
    afterwards, and one line; exit code 1 for what nothing is known of. After a signal the termination message is
    written also where the main thread is stuck in C++ and the watchdog ends the process.
    """
    with on_interruption(_terminate_interrupted):
        return _code_of(run, name)


def _code_of(run: Callable[[], None], name: str) -> int:
    try:
        run()
    except PlumblineError as exc:
        message, code = message_line(exc), exc.exit_code
    except Interrupted as exc:
        return _interrupted(exc)
    except Exception as exc:
        if (interrupted := received()) is not None:  # C++ has made another exception of it
            return _interrupted(interrupted)
        sys.stderr.write(without_secrets(traceback.format_exc()))
        error = known(exc, step=name)
        message = message_line(f"{name} failed: {error if error is not None else one_line(exc)}")
        code = 1 if error is None else error.exit_code
    else:
        interrupted = received()  # C++ has swallowed it, and what is open may be closed by now
        return 0 if interrupted is None else _interrupted(interrupted)
    say(f"plumbline: {message}")
    _terminate_with(message)
    return code


def _interrupted(interrupted: Interrupted) -> int:
    announce_once(lambda: say(f"plumbline: {interrupted}"))
    _terminate_interrupted()
    return interrupted.exit_code


def _terminate_interrupted() -> None:
    if (interrupted := received()) is not None:
        _terminate_with(str(interrupted))


def _terminate_with(message: str) -> None:
    path = Path(os.environ.get(LOG, "/dev/termination-log"))
    with suppress(OSError):  # on a laptop there is none, and a message lost must not hide the exit code
        if path.exists():
            path.write_bytes(message.encode()[:LONGEST].decode(errors="ignore").encode())  # no half character
