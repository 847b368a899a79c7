"""Names that become the name of a file or folder: of datasets, runs, versions' files. None leads out of its folder."""

from pathlib import Path, PurePosixPath

from components.shared.errors import UsageError
from components.shared.texts.escaping import on_one_line

LONGEST = 255
"""Bytes of a file's name."""


def is_plain(name: str) -> bool:
    """Whether a name stands for one entry of a folder, and for none of those that begin with a dot."""
    return (
        0 < len(name.encode("utf-8", "replace")) <= LONGEST
        and not name.startswith(".")
        and not any(character in "/\\" or not character.isprintable() for character in name)
    )


def checked(name: str, what: str) -> str:
    """The name if it is plain; else UsageError, which begins with `what` it is."""
    if not is_plain(name):
        raise UsageError(
            f"{what} {on_one_line(name)[:100]!r}: is no plain name; it must be the name of one folder, without / or "
            "control characters and not beginning with a dot"
        )
    return name


def below(folder: Path, relative: str) -> Path | None:
    """A file below a folder by its path in POSIX form; None if the path leads elsewhere."""
    path = PurePosixPath(relative)
    if not relative or "\0" in relative or "\\" in relative or path.is_absolute() or ".." in path.parts:
        return None
    return folder / path


def leads_out(folder: Path) -> Path | None:
    """The first symbolic link below a folder, or it itself, whose target is outside of the folder's parent."""
    home = folder.parent.resolve()
    for path in (folder, *sorted(folder.rglob("*"))):
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            return path
    return None
