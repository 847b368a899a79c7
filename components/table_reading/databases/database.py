"""A database named by a URL: where a query's rows come from, and what they are known by.

Nothing is written: every connection is read-only. Credentials come from the environment (PGUSER, PGPASSWORD, ~/.pgpass,
or the variable that `[data] password_variable` names), never from a URL.
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
    """A database. `digests` are of the queries that have been read to their end: query -> SHA-256 of the rows."""

    url: str
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`postgresql`, `sqlite` or `duckdb`."""
        return SCHEMES[self.url.partition("://")[0].lower()]

    @property
    def file(self) -> str:
        """The path of SQLite's or DuckDB's file: sqlite:///name is relative, sqlite:////name is not; "" of a server."""
        if self.kind == "postgresql":
            return ""
        return unquote(self.url.partition("://")[2].partition("?")[0].removeprefix("/"))

    def existing_file(self) -> str:
        """`file`; InputError if it is not there."""
        if not os.path.isfile(self.file):
            raise InputError(f"{self.url}: no such file: {self.file}")
        return self.file

    def stand(self) -> tuple[int, int]:
        """Bytes of the file and when it was changed last, in ns, with what is still in its log; 0 of a server."""
        found = [os.stat(path) for path in (self.file, f"{self.file}-wal", f"{self.file}.wal") if os.path.exists(path)]
        return sum(one.st_size for one in found), max((one.st_mtime_ns for one in found), default=0)

    def batches(self, query: str, options: ReadOptions) -> Generator[pa.RecordBatch, None, None]:
        """The rows of a query as the database gives them, 65,536 at a time; their SHA-256 is in `digests` at the end.

        Raises:
          InputError: No such file, no connection, or the query fails.
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
        """SHA-256 of a query's rows in their order: of the last read, which is then forgotten, or of a new one."""
        if query not in self.digests:
            for _ in self.batches(query, options):
                pass
        return self.digests.pop(query)


def open_database(directory: str) -> Database:
    """The database of a URL; InputError if there are credentials in it."""
    if holds_secret(directory):
        raise InputError(
            f"{without_secrets(directory)}: holds credentials, which a run would record; take them out of the URL and "
            "set PGUSER and PGPASSWORD, or use ~/.pgpass, or name a variable in [data] password_variable"
        )
    return Database(directory)


def rebatched(batches: Iterator[pa.RecordBatch], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `rows` each but the last, so that a digest does not depend on how they arrived.

    Batches of other types than the one before begin a new one.
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
