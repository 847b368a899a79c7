"""The folders of a dataset's artifacts: artifacts/<node>/<output>/<execution>, as TFX names them."""

from collections.abc import Iterator
from pathlib import Path


def artifact_folders(home: Path) -> Iterator[Path]:
    """Every artifact's folder, whatever metadata say of it; none of TFX's own, which begin with a dot."""
    for node in _folders(home / "artifacts"):
        for output in _folders(node):
            yield from _folders(output)


def highest_execution(home: Path) -> int:
    """The largest number of an execution of which something is there, 0 if nothing is."""
    return max((number_of(folder) for folder in artifact_folders(home)), default=0)


def number_of(folder: Path) -> int:
    """The execution's number in a folder's name ("7", "7-a1b2"); 0 if it has none."""
    head = folder.name.partition("-")[0]
    return int(head) if head.isascii() and head.isdigit() else 0


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(one for one in parent.iterdir() if not one.name.startswith(".") and one.is_dir())
    except OSError:
        return []
