"""Reads query results from a database given by URL, and computes their digests.

All connections are read-only. Credentials come from the environment (PGUSER, PGPASSWORD, ~/.pgpass, or the variable
that `[data] password_variable` names), never from the URL.
"""

import hashlib
import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import unquote

import pyarrow as pa

from components.shared.errors import InputError
from components.shared.texts.secrets import holds_secret, without_secrets
from components.table_reading.databases import duckdb_files, postgresql, sqlite_files
from components.table_reading.databases.addresses import SCHEMES
from components.table_reading.read_options import ReadOptions

BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class Database:
    """A database.

    Attributes:
      url: URL without credentials.
      digests: Query -> SHA-256 of its rows, in hexadecimal, for queries that have been read completely.
    """

    url: str
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`postgresql`, `sqlite` or `duckdb`."""
        return SCHEMES[self.url.partition("://")[0].lower()]

    @property
    def file(self) -> str:
        """Path of a SQLite or DuckDB file, relative in sqlite:///name, absolute in sqlite:////name; "" for a server."""
        if self.kind == "postgresql":
            return ""
        return unquote(self.url.partition("://")[2].partition("?")[0].removeprefix("/"))

    def existing_file(self) -> str:
        """`file`; InputError if it does not exist."""
        if not os.path.isfile(self.file):
            raise InputError(f"{self.url}: no such file: {self.file}")
        return self.file

    def stand(self) -> tuple[int, int]:
        """Size in bytes and modification time in ns of the file and its write-ahead log; zeros if there is no file."""
        found = [os.stat(path) for path in (self.file, f"{self.file}-wal", f"{self.file}.wal") if os.path.exists(path)]
        return sum(one.st_size for one in found), max((one.st_mtime_ns for one in found), default=0)

    def batches(self, query: str, options: ReadOptions) -> Generator[pa.RecordBatch, None, None]:
        """Streams the rows of a query with the database's types, and stores their digest at the end.

        Args:
          query: A SELECT statement.
          options: Read options: `password_variable` and limits.

        Yields:
          Batches of 65,536 rows; fewer in the last one and before a change of types.

        Raises:
          InputError: The file does not exist, the connection fails, or the query fails.
          MissingExtra: The extra `sql` is not installed.
        """
        if self.kind == "postgresql":
            rows = postgresql.batches(self.url, query, options.password_variable)
        else:
            rows = (sqlite_files if self.kind == "sqlite" else duckdb_files).batches(
                self.existing_file(), query, BATCH_ROWS
            )
        digest, names = hashlib.sha256(), ""
        with closing(rows):
            for batch in rebatched(rows):
                if not names:
                    names = repr(batch.schema.names)
                    digest.update(names.encode())
                    options.limits.check_columns(self.url, batch.num_columns)
                digest.update(batch.serialize())
                yield batch
        self.digests[query] = digest.hexdigest()

    def digest(self, query: str, options: ReadOptions) -> str:
        """SHA-256 of the rows of a query, in their order, in hexadecimal.

        Uses and removes the digest of the last complete read; without one, the query is executed.

        Args:
          query: A SELECT statement.
          options: Read options, see `batches`.
        """
        if query not in self.digests:
            for _ in self.batches(query, options):
                pass
        return self.digests.pop(query)


def open_database(directory: str) -> Database:
    """Returns the database of a URL without connecting; InputError if the URL contains credentials."""
    if holds_secret(directory):
        raise InputError(
            f"{without_secrets(directory)}: holds credentials, which a run would record; take them out of the URL and "
            "set PGUSER and PGPASSWORD, or use ~/.pgpass, or name a variable in [data] password_variable"
        )
    return Database(directory)


def rebatched(batches: Iterator[pa.RecordBatch], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """Regroups rows into batches of equal size, so that digests do not depend on the driver's batches.

    Args:
      batches: Batches of any size.
      rows: Rows per batch; the last batch, and a batch before a change of column types, may be smaller.
    """
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        if held and batch.schema.types != held[0].schema.types:
            yield _joined(held)
            held, count = [], 0
        while count + batch.num_rows >= rows:
            held.append(batch.slice(0, rows - count))
            batch = batch.slice(rows - count)
            yield _joined(held)
            held, count = [], 0
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
    if held:
        yield _joined(held)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
