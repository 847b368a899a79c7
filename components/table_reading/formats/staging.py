"""Unpacks zip archives, and converts spreadsheets to CSV, into temporary files that exist during reading.

Parquet and Arrow readers need random access, so the member of an archive is first unpacked to a temporary file, in
blocks, which bounds memory. The file is deleted when reading ends.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pyarrow import fs

from components.table_reading.databases.database import Database
from components.table_reading.formats.registry import SPREADSHEET, ZIP, find_format
from components.table_reading.formats.spreadsheets import write_sheet
from components.table_reading.formats.zip_archives import member_name, unzip
from components.table_reading.locations import Place
from components.table_reading.read_limits import Limits
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile


def as_named(place: Place, file: SpanFile, limits: Limits) -> SpanFile:
    """Replaces the path of a zip archive by the name of its member, whose suffix tells the format.

    Args:
      place: Filesystem or database.
      file: A span of any format.
      limits: Read limits.

    Returns:
      `file`, with the member's name as `path` if it is an archive.

    Raises:
      InputError: The archive does not contain exactly one table.
    """
    if isinstance(place, Database) or file.parts or find_format(file.path) is not ZIP:
        return file
    return replace(file, path=member_name(place, file, limits))


@contextmanager
def staged(
    filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions
) -> Iterator[tuple[fs.FileSystem, SpanFile, ReadOptions]]:
    """Provides a file that the reader of its format can open.

    Args:
      filesystem: Filesystem of the file.
      file: A file of any format.
      options: Read options.

    Yields:
      Filesystem, file and read options: of a temporary file for archives and spreadsheets, else the arguments.

    Raises:
      InputError: The archive does not contain exactly one table, the workbook does not have the sheet, or the file is
        damaged.
      MissingExtra: The file is a spreadsheet and the extra `excel` is not installed.
    """
    if find_format(file.path) not in (ZIP, SPREADSHEET):
        yield filesystem, file, options
        return
    with tempfile.TemporaryDirectory(prefix="plumbline-") as folder:
        if find_format(file.path) is ZIP:
            filesystem, file = fs.LocalFileSystem(), unzip(filesystem, file, Path(folder), options.limits)
        if find_format(file.path) is SPREADSHEET:
            path, name = write_sheet(filesystem, file, Path(folder), options)
            file = replace(file, path=str(path), name=name, bytes=path.stat().st_size)
            filesystem, options = fs.LocalFileSystem(), replace(options, delimiter=",", encoding="utf-8")
        yield filesystem, file, options
