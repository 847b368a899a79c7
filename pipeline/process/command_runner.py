"""Runs a command and turns every error into one line on stderr and the documented exit code."""

import atexit
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from components.shared.errors import PlumblineError, UsageError
from components.shared.failure_log import tracebacks
from components.shared.texts.secrets import message_line, without_secrets
from pipeline.process.children import end_descendants
from pipeline.process.error_messages import as_error
from pipeline.process.signals import Interrupted, announce_once, handle_signals, received, stop_raising
from pipeline.process.standard_streams import STDOUT, drop, flushed, not_written, open_streams, say


def run_command(command: Callable[[], int], *, debug: bool, place: Path | None = None) -> int:
    """Runs a command and reports an exception as one line on stderr.

    Args:
      command: Function that returns an exit code.
      debug: Also print the traceback of an exception.
      place: Output folder of the command, named in errors that name no file.

    Returns:
      The exit code.
    """
    try:
        with tracebacks(debug):
            code = command()
    except BrokenPipeError as exc:
        if exc.filename != STDOUT:  # a socket, or a worker process that died
            return _told(exc, debug, place)
        drop()  # the reader closed the pipe, such as `| head`
        return _interrupted(0)
    except Interrupted as exc:
        return _announced(exc)
    except KeyboardInterrupt:  # signals are not handled here: a notebook or a test
        say("plumbline: interrupted; completed steps are kept, run again to continue")
        return 130
    except Exception as exc:
        return _told(exc, debug, place)
    if (error := flushed()) is not None and code == 0:
        say(f"plumbline: {error}")
        return error.exit_code
    return _interrupted(code)


def own_process(command: Callable[[], int]) -> NoReturn:
    """Runs a command as the only work of this process, and ends the process with the command's exit code.

    SIGINT, SIGTERM and SIGHUP are handled, and child processes are terminated at the end. `os._exit` skips the
    interpreter's shutdown, in which threads of C++ libraries sometimes crash and change the exit code.

    Args:
      command: Function that returns an exit code.
    """
    stdout_open = open_streams()
    try:
        handle_signals(last=end_descendants)
    except Exception as exc:  # no thread or no socket can be had
        os._exit(_told(exc, debug=False, place=None))
    try:
        code = _code_of(command, stdout_open)
        stop_raising()
    except KeyboardInterrupt:  # only the first signal raises
        code = _interrupted(130)
    end_descendants()
    # Functions that remove temporary files at the end fail if the disk does; the command has reported that already,
    # and what they leave is removed by the next run.
    sys.unraisablehook = lambda _: None
    sys.excepthook = lambda *_: None
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
    if (interrupted := received()) is not None:  # C++ code replaced the KeyboardInterrupt by another exception
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
    """The exit code of a signal if one arrived during the last steps, else `code`."""
    interrupted = received()
    return code if interrupted is None else _announced(interrupted)


def _announced(interrupted: Interrupted) -> int:
    announce_once(lambda: say(f"plumbline: {interrupted}"))
    return interrupted.exit_code
