"""Opens standard input, output and error if they are closed, and reports errors of writing standard output."""

import io
import os
import sys
from contextlib import suppress
from typing import Any

from components.shared.errors import PlumblineError, UsageError

STDOUT = "standard output"
"""Name of the file in an OSError of `NamedStdout`."""


class NamedStdout(io.FileIO):
    """File descriptor 1. Its OSErrors carry STDOUT as their file name; by default they name no file."""

    def __init__(self) -> None:
        super().__init__(1, "wb", closefd=False)

    def write(self, data: Any, /) -> int:
        """Writes bytes, as `io.FileIO.write`."""
        try:
            return super().write(data)
        except OSError as exc:
            raise OSError(exc.errno, exc.strerror, STDOUT) from exc


def open_streams() -> bool:
    """Opens file descriptors 0, 1 and 2 on /dev/null if they are closed.

    Otherwise the next opened file would get such a descriptor, and libraries would write their output into it.

    Returns:
      Whether standard output was open.
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
    given = sys.stdout
    if given is not None:
        with suppress(OSError, ValueError):
            given.flush()
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(NamedStdout()),
        encoding="utf-8" if given is None else given.encoding,
        errors=None if given is None else given.errors,
        line_buffering=os.isatty(1),
    )
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    return was_open


def flushed() -> PlumblineError | None:
    """Flushes standard output.

    Returns:
      The error if it cannot be written, else None. A closed pipe (`plumbline … | head`) is no error.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop()
    except OSError as exc:
        return not_written(exc)
    return None


def not_written(exc: OSError) -> UsageError:
    """Makes the error for standard output that cannot be written, and discards its buffer."""
    drop()
    return UsageError(f"{STDOUT} cannot be written ({exc.strerror}); redirect it to another file")


def say(line: str) -> None:
    """Prints a line on standard error; errors of writing are ignored."""
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


def drop() -> None:
    """Discards the buffer of standard output by redirecting it to /dev/null."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    with suppress(OSError):
        sys.stdout.flush()
