"""Ends a step with an exit code, one line on stderr, and the same line as the pod's termination message."""

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
"""Environment variable: file of the pod's termination message; default /dev/termination-log."""

LONGEST = 4096
"""Maximum size of a termination message in Kubernetes, in bytes."""


def run_with_termination_message(run: Callable[[], None], name: str) -> int:
    """Runs a step and reports its errors.

    A PlumblineError or a signal is one line on stderr. Other exceptions also print a traceback, since a step cannot
    easily be repeated with --debug. After a signal the termination message is written even if the main thread is
    blocked in C++ and the watchdog ends the process.

    Args:
      run: The step.
      name: Name of the step, for messages.

    Returns:
      The exit code: that of the PlumblineError or of a known error, 128 plus the number of a signal, else 1.
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
        if (interrupted := received()) is not None:  # C++ code replaced the KeyboardInterrupt
            return _interrupted(interrupted)
        sys.stderr.write(without_secrets(traceback.format_exc()))
        error = known(exc, step=name)
        message = message_line(f"{name} failed: {error if error is not None else one_line(exc)}")
        code = 1 if error is None else error.exit_code
    else:
        interrupted = received()  # C++ code dropped the KeyboardInterrupt; the cleanup may have run already
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
    with suppress(OSError):  # an error of writing must not change the exit code
        if path.exists():
            path.write_bytes(
                message.encode()[:LONGEST].decode(errors="ignore").encode()
            )  # cuts at a character boundary
