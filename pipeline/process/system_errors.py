"""Converts errors of the operating system to messages: what failed, where, and what to do."""

import errno
import os
import re
from pathlib import Path

from components.shared.errors import PlumblineError, ResourceError, UsageError
from pipeline.process.memory import memory_error

FULL = {errno.ENOSPC, errno.EDQUOT}
OTHER_PLACE = {
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.EIO,
    errno.EFBIG,
    errno.EBUSY,
    errno.ESTALE,
    errno.EINVAL,
    errno.ENXIO,
    errno.ENODEV,
    errno.EBADF,
}
_BY_TEXT = {
    os.strerror(number): number
    for number in (*sorted(FULL), errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EFBIG)
}
"""Errors that libraries pass on as text only. "Permission denied" is left out: it may come from an object store."""

_NUMBERED = re.compile(r"\[errno (\d+)\]", re.IGNORECASE)
_QUOTED = re.compile(r"'(/[^']+)'")

expected: dict[str, int] = {}
"""Estimated bytes that the running command writes in total, by folder; see `disk.check_disk`."""


def from_os_error(exc: OSError, place: Path | None = None) -> PlumblineError | None:
    """Converts an OSError about a file or a resource limit.

    Args:
      exc: The exception.
      place: Output folder, named in the message if the exception names no file.

    Returns:
      The error; None for other kinds, such as a failed connection.
    """
    if isinstance(exc, ConnectionError | TimeoutError) or type(exc).__name__ == "gaierror":
        return None
    number = exc.errno
    if number is None:
        return from_text(str(exc), place)
    named = [_decoded(name) for name in (exc.filename2, exc.filename) if name is not None]
    return _refused(number, named[0] if named else _quoted(str(exc)), place)


def from_text(text: str, place: Path | None = None) -> PlumblineError | None:
    """Converts the text of an error that quotes an operating system error: shutil.Error, TensorFlow, Arrow, Beam.

    Args:
      text: The error's text.
      place: Output folder, named in the message if the text names no file.

    Returns:
      The error; None if the text contains no known operating system error.
    """
    numbered = _NUMBERED.search(text)
    number = int(numbered.group(1)) if numbered else None
    if number is None:
        number = next((number for words, number in _BY_TEXT.items() if words.lower() in text.lower()), None)
        if number is None and "failed to map segment" in text:  # the dynamic loader lacks address space
            number = errno.ENOMEM
    return None if number is None else _refused(number, _quoted(text), place)


def _refused(number: int, named: str | None, place: Path | None) -> PlumblineError | None:
    where = named or (str(place) if place is not None else None)
    why = os.strerror(number)
    if number in FULL:
        return UsageError(f"{where or 'the disk'}: {why}{_room(where)}; free some, or choose another folder")
    if number == errno.ENOMEM:
        return memory_error("")
    if number in (errno.EMFILE, errno.ENFILE):
        return ResourceError(f"{where + ': ' if where else ''}{why}; raise the limit on them (ulimit -n)")
    if number == errno.EAGAIN:
        return ResourceError(
            "no further process or thread can be started; raise the limit (ulimit -u, pids.max of the container)"
        )
    if number in OTHER_PLACE and where is not None:
        return UsageError(f"{where}: {_act(number)} ({why}); {_what_to_do(number)}")
    return None


def _act(number: int) -> str:
    return "does not exist" if number == errno.ENOENT else "cannot be read or written"


def _what_to_do(number: int) -> str:
    if number in (errno.EACCES, errno.EPERM):
        return "change its permissions, or choose another folder"
    if number == errno.EFBIG:
        return "raise the limit on a file's size (ulimit -f)"
    if number == errno.EIO:
        return "check the disk"
    if number == errno.ENOENT:
        return "correct the path; `plumbline doctor` checks the files of earlier runs"
    return "choose another folder"


def _room(where: str | None) -> str:
    """Free and needed space, as far as they are known: "; 12 MB free, about 340 MB needed in total"."""
    folder = Path(where) if where else None
    while folder is not None and not folder.is_dir():
        folder = None if folder == folder.parent else folder.parent
    if folder is None:
        return ""
    try:
        left = free_bytes(folder)
    except OSError:
        return ""
    needed = max((bytes_ for home, bytes_ in expected.items() if folder.is_relative_to(home)), default=0)
    return f"; {in_mb(left)} free" + (f", about {in_mb(needed)} needed in total" if needed else "")


def free_bytes(folder: Path) -> int:
    """Returns the bytes that this user may still write to the file system of a folder."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def in_mb(bytes_: float) -> str:
    """Formats a number of bytes, such as "12 MB" or "3.4 GB"."""
    return f"{bytes_ / 1e9:.1f} GB" if bytes_ >= 1e9 else f"{bytes_ / 1e6:.0f} MB"


def _quoted(text: str) -> str | None:
    """The last absolute path in quotes: in errors of copying, the target."""
    found = _QUOTED.findall(text)
    return str(found[-1]) if found else None


def _decoded(name: object) -> str | None:
    if isinstance(name, bytes):
        return os.fsdecode(name)
    return str(name) if isinstance(name, str | os.PathLike) else None
