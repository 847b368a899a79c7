"""Standard output and error: there, and written to the end."""

import errno
import os
import sys
from contextlib import suppress

from components.errors import PlumblineError, UsageError


def open_streams() -> bool:
    """Sees to it that descriptors 0, 1 and 2 are open; returns whether standard output was.

    A file that is opened next would otherwise take such a number, and get what libraries write to it.
    """
    was_open = True
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)
            was_open = was_open and descriptor != 1
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    return was_open


def flushed() -> PlumblineError | None:
    """Writes what is left of standard output; the error if it cannot be written, None if that is done.

    A closed pipe (`plumbline … | head`) is no error: whoever read has read enough.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop()
    except OSError as exc:
        _drop()
        if exc.errno == errno.EPIPE:
            return None
        return UsageError(f"standard output cannot be written ({exc.strerror}); send it to another place")
    return None


def say(line: str) -> None:
    """Prints a line on standard error, if that takes any."""
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


def _drop() -> None:
    """Has what is still in the buffer go nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    with suppress(OSError):
        sys.stdout.flush()
