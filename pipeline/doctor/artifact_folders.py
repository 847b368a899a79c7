"""Lists the folders of a dataset's artifacts: artifacts/<node>/<output>/<execution>, as TFX names them."""

from collections.abc import Iterator
from pathlib import Path


def artifact_folders(home: Path) -> Iterator[Path]:
    """Yields the folder of every artifact on disk, without TFX's internal folders, whose names begin with a dot."""
    for node in _folders(home / "artifacts"):
        for output in _folders(node):
            yield from _folders(output)


def highest_execution(home: Path) -> int:
    """Returns the largest execution number among the artifact folders; 0 if there are none."""
    return max((number_of(folder) for folder in artifact_folders(home)), default=0)


def number_of(folder: Path) -> int:
    """Returns the execution number in a folder's name, such as "7" or "7-a1b2"; 0 if it has none."""
    head = folder.name.partition("-")[0]
    return int(head) if head.isascii() and head.isdigit() else 0


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(one for one in parent.iterdir() if not one.name.startswith(".") and one.is_dir())
    except OSError:
        return []
