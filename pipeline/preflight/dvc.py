"""DVC's record of a data folder: the hash in its .dvc file, and whether the folder still has that content.

Reads the file that `dvc add data/flights` writes beside the folder, without DVC itself. DVC's hash of a folder is the
MD5 of a JSON list of its files by path, each with its MD5 (DVC's user guide, "Internal files"). MD5 only identifies
contents here, as in DVC; SHA-256 fingerprints verify the data of a run.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Tracked:
    """A folder tracked by DVC.

    Attributes:
      file: Path of the .dvc file.
      md5: Hash of the folder in the .dvc file, which `dvc pull` would restore.
      same: Whether the folder has this hash; None if unknown (hashes of DVC before 3.0).
    """

    file: str
    md5: str
    same: bool | None

    def to_json(self) -> str:
        """Returns the JSON for the key `dvc` of a version's manifest."""
        return json.dumps(asdict(self))


def tracked(directory: str) -> Tracked | None:
    """Returns DVC's record of a data folder; None if DVC does not track it, or if it is not a local folder."""
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
    """Returns DVC's hash of a folder, "1e48….dir"; .dvcignore is not applied."""
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
