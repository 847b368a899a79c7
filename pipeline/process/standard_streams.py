"""Standard output and error: there, and written to the end."""

import io
import os
import sys
from contextlib import suppress
from typing import Any

from components.shared.errors import PlumblineError, UsageError

STDOUT = "standard output"
"""Name of the file in an OSError of `NamedStdout`."""


class NamedStdout(io.FileIO):
    """Descriptor 1. Its errors say that they are standard output's: by themselves they name no file at all."""

    def __init__(self) -> None:
        super().__init__(1, "wb", closefd=False)

    def write(self, data: Any, /) -> int:
        """As FileIO's."""
        try:
            return super().write(data)
        except OSError as exc:
            raise OSError(exc.errno, exc.strerror, STDOUT) from exc


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
    """Writes what is left of standard output; the error if it cannot be written, None if that is done.

    A closed pipe (`plumbline … | head`) is no error: whoever read has read enough.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop()
    except OSError as exc:
        return not_written(exc)
    return None


def not_written(exc: OSError) -> UsageError:
    """For standard output that takes nothing; what is left in its buffer is dropped."""
    drop()
    return UsageError(f"{STDOUT} cannot be written ({exc.strerror}); send it to another place")


def say(line: str) -> None:
    """Prints a line on standard error, if that takes any."""
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


def drop() -> None:
    """Has what is still in the buffer go nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    with suppress(OSError):
        sys.stdout.flush()
