"""Where a dataset's rows lie: a folder of files on a disk or in a bucket, or a database; and the spans there."""

from typing import TypeAlias

from pyarrow import fs

from components.table_reading.databases.addresses import is_database
from components.table_reading.databases.database import Database, open_database
from components.table_reading.databases.queries import query_spans
from components.table_reading.fingerprint import file_sha256, parts_sha256
from components.table_reading.hive_partitions import find_partitions, has_parts
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile, find_spans, open_folder

Place: TypeAlias = fs.FileSystem | Database


def open_place(directory: str) -> Place:
    """The filesystem of a folder or URL, or the database of a URL; InputError if it cannot be opened."""
    return open_database(directory) if is_database(directory) else open_folder(directory)[0]


def find_files(directory: str, pattern: str, options: ReadOptions) -> list[SpanFile]:
    """All spans at a place, by number.

    Args:
      directory: Folder or URL.
      pattern: Of the files' names, see `find_spans` and partitions.py; of a database the query.
      options: Of a database, how to ask.

    Raises:
      InputError: Nothing is there, or what is there makes no series of spans.
    """
    if is_database(directory):
        return query_spans(open_database(directory), pattern, options)
    return find_partitions(directory, pattern) if has_parts(pattern) else find_spans(directory, pattern)


def content_sha256(place: Place, file: SpanFile, options: ReadOptions) -> str:
    """SHA-256 of a span's bytes; of a query's rows, which are not read again if the place has just read them."""
    if isinstance(place, Database):
        return place.digest(file.path, options)
    return parts_sha256(place, file) if file.parts else file_sha256(place, file.path)
