"""Files that hold another file: what is in a zip archive, and a spreadsheet's sheet as CSV, on disk while it is read.

Readers of Parquet and Arrow files seek, so a member of an archive is unpacked to a file of its own first; memory stays
bounded by its blocks. The file lies in the system's temporary folder and is gone when reading ends.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pyarrow import fs

from components.table_reading.databases.database import Database
from components.table_reading.formats.file_suffixes import SHEETS, ZIP
from components.table_reading.formats.spreadsheets import write_sheet
from components.table_reading.formats.zip_archives import member_name, unzip
from components.table_reading.locations import Place
from components.table_reading.read_limits import Limits
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile


def as_named(place: Place, file: SpanFile, limits: Limits) -> SpanFile:
    """The file by the name of what is in it, where it is a zip archive; its name then says the format.

    Raises:
      InputError: An archive that does not hold one table.
    """
    if isinstance(place, Database) or file.parts or not file.path.lower().endswith(ZIP):
        return file
    return replace(file, path=member_name(place, file, limits))


@contextmanager
def staged(
    filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions
) -> Iterator[tuple[fs.FileSystem, SpanFile, ReadOptions]]:
    """The file itself, or what it holds, to be read by its own format, and how.

    Raises:
      InputError: An archive that does not hold one table, a workbook without such a sheet; either one damaged.
      MissingExtra: A spreadsheet, and the extra `excel` is not installed.
    """
    if not file.path.lower().endswith((*ZIP, *SHEETS)):
        yield filesystem, file, options
        return
    with tempfile.TemporaryDirectory(prefix="plumbline-") as folder:
        if file.path.lower().endswith(ZIP):
            filesystem, file = fs.LocalFileSystem(), unzip(filesystem, file, Path(folder), options.limits)
        if file.path.lower().endswith(SHEETS):
            path, name = write_sheet(filesystem, file, Path(folder), options)
            file = replace(file, path=str(path), name=name, bytes=path.stat().st_size)
            filesystem, options = fs.LocalFileSystem(), replace(options, delimiter=",", encoding="utf-8")
        yield filesystem, file, options
