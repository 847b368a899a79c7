"""Converts any exception to a PlumblineError: one line of text and an exit code.

A PlumblineError is kept. Errors of the operating system (full disk, file permissions, memory, threads, open files) and
of damaged metadata get their own message. Any other exception is a bug: "internal error", exit code 1.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from components.shared.errors import InputError, PlumblineError, ResourceError, UsageError
from components.shared.texts.secrets import without_secrets
from pipeline.metadata.connection import database_says, metadata_file
from pipeline.process.memory import memory_error
from pipeline.process.system_errors import FULL, from_os_error, from_text

DOCTOR = "run `plumbline doctor`"


def as_error(exc: BaseException, place: Path | None = None, step: str = "") -> PlumblineError:
    """Converts an exception to a PlumblineError.

    Args:
      exc: Any exception.
      place: Output folder, named in the message if the exception names no file.
      step: Name of the running step, for messages about memory.

    Returns:
      The exception itself or its cause if that is a PlumblineError; else a new one.
    """
    return known(exc, place, step) or PlumblineError(f"internal error: {one_line(exc)}; --debug shows the trace")


def known(exc: BaseException, place: Path | None = None, step: str = "") -> PlumblineError | None:
    """As `as_error`, but returns None for an unknown kind of exception."""
    for one in _chain(exc):
        if (found := _known(one, place, step)) is not None:
            return found
    return None


def one_line(exc: BaseException) -> str:
    """Type and last line of an exception's text, without secrets and at most 400 characters long."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return without_secrets(f"{type(exc).__name__}: {lines[-1]}")[:400] if lines else type(exc).__name__


def _known(exc: BaseException, place: Path | None, step: str) -> PlumblineError | None:
    text = str(exc)
    if isinstance(exc, PlumblineError):
        return exc
    if isinstance(exc, MemoryError) or "std::bad_alloc" in text:
        return memory_error(step)
    if isinstance(exc, shutil.Error):
        return from_text(text, place)
    if isinstance(exc, OSError):
        return from_os_error(exc, place)
    if isinstance(exc, RecursionError):
        return None
    if _is_of_metadata(exc, text):
        where = f"{metadata_file(place)}: " if place is not None else ""
        return UsageError(f"{where}the metadata cannot be read ({database_says(exc)}); {DOCTOR}")
    if isinstance(exc, ImportError):
        return from_text(text, place) or _not_importable(exc)
    if isinstance(exc, RuntimeError) and "can't start new thread" in text:
        return ResourceError(
            "the system refuses another thread; raise the limits on processes and on memory (ulimit -u, ulimit -v, "
            "pids.max of the container), or end other processes"
        )
    if isinstance(exc, RuntimeError) and text.startswith("Disallowed deserialization"):  # Beam's guard on Python 3.10
        return InputError(
            "a file has an Arrow extension type that holds a pickle, which is not read; save its columns with their "
            "storage types"
        )
    return from_text(text, place)


def _not_importable(exc: ImportError) -> PlumblineError:
    return ResourceError(f"the installation is incomplete ({one_line(exc)}); install it again (make setup)")


def _is_of_metadata(exc: BaseException, text: str) -> bool:
    if isinstance(exc, sqlite3.DatabaseError) or type(exc).__module__.startswith("ml_metadata."):
        return True
    return isinstance(exc, RuntimeError) and (
        text.startswith("Error when executing query") or "mlmd" in text.lower() or "database disk image" in text
    )


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """The exception and its causes: Beam and TFX wrap the original exception in their own.

    The implicit context (`__context__`) counts as the cause only if memory or disk space ran out.
    """
    seen: set[int] = set()
    one: BaseException | None = exc
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        context = None if one.__suppress_context__ else one.__context__
        ran_out = isinstance(context, MemoryError) or (isinstance(context, OSError) and context.errno in FULL)
        one = one.__cause__ or (context if ran_out else None)
