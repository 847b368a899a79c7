"""Runs a command to its end: whatever happens, one line and the documented exit code."""

import atexit
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from components.shared.errors import PlumblineError, UsageError
from components.shared.texts.secrets import message_line, without_secrets
from pipeline.process.children import end_descendants
from pipeline.process.error_messages import as_error
from pipeline.process.signals import Interrupted, announce_once, handle_signals, received, stop_raising
from pipeline.process.standard_streams import STDOUT, drop, flushed, not_written, open_streams, say


def guarded(command: Callable[[], int], *, debug: bool, place: Path | None = None) -> int:
    """Runs a command; returns its exit code. An exception becomes one line on stderr, after its trace with `debug`.

    Args:
      command: Returns an exit code.
      debug: Show the trace of an exception.
      place: Where the command writes, for errors that do not say it.
    """
    try:
        code = command()
    except BrokenPipeError as exc:
        if exc.filename != STDOUT:  # of a socket, or of a worker that died
            return _told(exc, debug, place)
        drop()  # whoever read has read enough
        return _interrupted(0)
    except Interrupted as exc:
        return _announced(exc)
    except KeyboardInterrupt:  # not a process of our own: a notebook, or a test
        say("plumbline: interrupted; what was finished is kept, run again to go on")
        return 130
    except Exception as exc:
        return _told(exc, debug, place)
    if (error := flushed()) is not None and code == 0:
        say(f"plumbline: {error}")
        return error.exit_code
    return _interrupted(code)


def own_process(command: Callable[[], int]) -> NoReturn:
    """Runs a command that has this process to itself, and ends the process with its exit code.

    Signals end it cleanly, no child outlives it, and once the exit code is known nothing changes it any more: the
    interpreter is not taken down, which threads of C++ libraries do not always survive.
    """
    stdout_open = open_streams()
    handle_signals(last=end_descendants)
    try:
        code = _code_of(command, stdout_open)
        stop_raising()
    except KeyboardInterrupt:  # only the first signal raises
        code = _interrupted(130)
    end_descendants()
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _code_of(command: Callable[[], int], stdout_open: bool) -> int:
    try:
        if not stdout_open:
            raise UsageError("standard output is closed; send it to a file or to /dev/null")
        return command()
    except SystemExit as exc:  # argparse
        return _after_flush(exc.code if isinstance(exc.code, int) else int(exc.code is not None))
    except PlumblineError as exc:
        say(f"plumbline: {message_line(exc)}")
        return exc.exit_code


def _told(exc: Exception, debug: bool, place: Path | None) -> int:
    if (interrupted := received()) is not None:  # C++ has made another exception of it
        return _announced(interrupted)
    if isinstance(exc, OSError) and exc.filename == STDOUT:
        error: PlumblineError = not_written(exc)
    else:
        error = as_error(exc, place)
    flushed()
    if debug:
        with suppress(OSError):
            sys.stderr.write(without_secrets("".join(traceback.format_exception(exc))))
    say(f"plumbline: {message_line(error)}")
    return error.exit_code


def _after_flush(code: int) -> int:
    error = flushed()
    if error is None or code:
        return code
    say(f"plumbline: {error}")
    return error.exit_code


def _interrupted(code: int) -> int:
    """The exit code of a command during whose last steps a signal came."""
    interrupted = received()
    return code if interrupted is None else _announced(interrupted)


def _announced(interrupted: Interrupted) -> int:
    announce_once(lambda: say(f"plumbline: {interrupted}"))
    return interrupted.exit_code
