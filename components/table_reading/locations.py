"""Opens the location of a dataset (folder, bucket or database) and lists its spans."""

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
    """Opens the filesystem of a folder or URL, or the database of a database URL; InputError if that fails."""
    return open_database(directory) if is_database(directory) else open_folder(directory)[0]


def find_files(directory: str, pattern: str, options: ReadOptions) -> list[SpanFile]:
    """Lists the spans of a location, ordered by number.

    Args:
      directory: Folder or URL.
      pattern: Pattern of the file names, see `find_spans` and hive_partitions.py; for a database the query.
      options: Read options; for a database `spans_query` and `password_variable`.

    Raises:
      InputError: The location is missing or has no spans, or two spans have the same number.
    """
    if is_database(directory):
        return query_spans(open_database(directory), pattern, options)
    return find_partitions(directory, pattern) if has_parts(pattern) else find_spans(directory, pattern)


def content_sha256(place: Place, file: SpanFile, options: ReadOptions) -> str:
    """SHA-256 of a span, in hexadecimal: of the bytes of its files, or of the rows of its query.

    Args:
      place: Filesystem or database. A database that has just read the query reuses that digest.
      file: The span.
      options: Read options, for a database.
    """
    if isinstance(place, Database):
        return place.digest(file.path, options)
    return parts_sha256(place, file) if file.parts else file_sha256(place, file.path)
