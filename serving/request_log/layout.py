"""Folders and file names of a request log.

    <root>/<dataset>/requests/
      open/<segment>.segment                         segments that processes append to, or left when they were killed
      hour=2026-11-29T19/version=3/<segment>.parquet sealed rows, by the hour (UTC) of the request and the version
      journal/<segment>.json                         one record for each sealed segment: rows, drops, damage, files
      damaged/<segment>.segment                      segments with damaged frames, after their other rows were sealed
      removed/<time>-<random>.json                   one record for each time that retention deleted files
      feedback/<sequence>.parquet                    one file for each import of labels

A segment id is `<UTC time>-<process id>-<16 random hexadecimal digits>`. Nothing that a client sends becomes part of a
path.
"""

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SUFFIX = ".segment"
PARQUET = ".parquet"


def new_segment_id() -> str:
    """Returns the id of a new segment; its random part makes it unique, whatever the clock says."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{secrets.token_hex(8)}"


def hour_name(hour: int) -> str:
    """Name of an hour, given in hours since 1970-01-01 UTC: `2026-11-29T19`."""
    return str(np.datetime64(hour, "h"))


def _entries(folder: Path, prefix: str, suffix: str = "") -> list[Path]:
    """Entries of a folder whose name has a prefix and suffix and does not begin with a dot; [] if there is none."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in names if name.startswith(prefix) and name.endswith(suffix) and name[0] != "."]


@dataclass(frozen=True)
class Layout:
    """Paths below the folder of a request log."""

    folder: Path

    @property
    def open(self) -> Path:
        """Folder of the segments that are not sealed."""
        return self.folder / "open"

    @property
    def journal(self) -> Path:
        """Folder of the records of sealed segments."""
        return self.folder / "journal"

    @property
    def damaged(self) -> Path:
        """Folder of damaged segments."""
        return self.folder / "damaged"

    @property
    def removed(self) -> Path:
        """Folder of the records of retention."""
        return self.folder / "removed"

    @property
    def feedback(self) -> Path:
        """Folder of the imports of labels."""
        return self.folder / "feedback"

    def open_segments(self) -> list[Path]:
        """Segments that are not sealed, oldest first."""
        return sorted(self.open.glob(f"*{SUFFIX}"))

    def sealed(self, segment: str, hour: int, version: int) -> Path:
        """Parquet file of a segment's rows of one hour and version."""
        return self.folder / f"hour={hour_name(hour)}" / f"version={version}" / f"{segment}{PARQUET}"

    def sealed_files(self) -> list["SealedFile"]:
        """All sealed files, oldest hour first."""
        found = []
        for hour in _entries(self.folder, "hour="):  # listed and not globbed, which takes ten times as long
            for version in _entries(hour, "version="):
                for path in _entries(version, "", PARQUET):
                    try:
                        number = int(np.datetime64(hour.name.removeprefix("hour="), "h").astype(np.int64))
                        found.append(SealedFile(path, number, int(version.name.removeprefix("version="))))
                    except ValueError:
                        continue  # not a file of the log
        return sorted(found, key=lambda file: (file.hour, file.path.name, file.version))


@dataclass(frozen=True)
class SealedFile:
    """A Parquet file of the log; `hour` in hours since 1970-01-01 UTC."""

    path: Path
    hour: int
    version: int

    @property
    def segment(self) -> str:
        """Id of the segment whose rows it holds."""
        return self.path.name.removesuffix(PARQUET)
