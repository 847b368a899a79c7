"""What DVC knows of a data folder: the hash in its .dvc file, and whether the folder is still what was added.

Reads the file that `dvc add data/flights` leaves beside the folder; DVC itself need not be there. DVC's hash of a
folder is the MD5 of a JSON list of its files by path, each with its own MD5 (DVC's user guide, "Internal files"). MD5
only names contents here, as it does in DVC; what a run read is proven by SHA-256, see fingerprints.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Tracked:
    """A folder under DVC.

    Attributes:
      file: Path of the .dvc file.
      md5: The folder's hash in it: what `dvc pull` would bring.
      same: Whether the folder is that; None where it cannot be told (a hash of DVC before 3.0).
    """

    file: str
    md5: str
    same: bool | None

    def to_json(self) -> str:
        """As it stands under `dvc` in the manifest of a version that was made from it."""
        return json.dumps(asdict(self))


def tracked(directory: str) -> Tracked | None:
    """What DVC knows of a data folder; None if it is not under DVC, or is no local folder."""
    folder = Path(directory)
    file = folder.parent / f"{folder.name}.dvc"
    if "://" in directory or not folder.is_dir() or not file.is_file():
        return None
    text = file.read_text(encoding="utf-8")
    found = re.search(r"^- md5: ([0-9a-f]{32}\.dir)$", text, re.MULTILINE)
    if found is None:
        return None
    told = re.search(r"^  hash: md5$", text, re.MULTILINE)  # without it, text files were hashed with their CRs removed
    return Tracked(str(file), found[1], folder_md5(folder) == found[1] if told else None)


def folder_md5(folder: Path) -> str:
    """DVC's hash of a folder: "1e48….dir". Files that a .dvcignore leaves out count here."""
    files = sorted(
        (path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()
    )  # DVC sorts by the whole path, as text
    listed = [{"md5": _md5(path), "relpath": name} for name, path in files]
    return f"{hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False).hexdigest()}.dir"


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
