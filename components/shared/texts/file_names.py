"""Validates names of datasets, runs and files of versions that become file or folder names within a given folder."""

from pathlib import Path, PurePosixPath

from components.shared.errors import UsageError
from components.shared.texts.escaping import on_one_line

LONGEST = 255
"""Maximum bytes of a file name."""


def is_plain(name: str) -> bool:
    """Whether a name is that of a single entry of a folder, and does not begin with a dot."""
    return (
        0 < len(name.encode("utf-8", "replace")) <= LONGEST
        and not name.startswith(".")
        and not any(character in "/\\" or not character.isprintable() for character in name)
    )


def checked(name: str, what: str) -> str:
    """Returns the name if it is plain; else raises UsageError, whose message begins with `what` it names."""
    if not is_plain(name):
        raise UsageError(
            f"{what} {on_one_line(name)[:100]!r}: is not a plain name; it must be the name of one folder, without / or "
            "control characters and not beginning with a dot"
        )
    return name


def below(folder: Path, relative: str) -> Path | None:
    """Returns the path of a file below a folder from a relative POSIX path; None if it leads out of the folder."""
    path = PurePosixPath(relative)
    if not relative or "\0" in relative or "\\" in relative or path.is_absolute() or ".." in path.parts:
        return None
    return folder / path


def leads_out(folder: Path) -> Path | None:
    """Returns the first symbolic link below a folder, or the folder itself, whose target is outside its parent."""
    home = folder.parent.resolve()
    for path in (folder, *sorted(folder.rglob("*"))):
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            return path
    return None
