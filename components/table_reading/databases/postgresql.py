"""PostgreSQL through ADBC: the rows come as the binary format of COPY, a few MiB at a time."""

import os
from collections.abc import Generator
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from components.shared.errors import ConfigError, InputError
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_errors import one_line
from components.table_reading.formats.optional_libraries import import_extra

TRANSACTION = (
    "SET TRANSACTION READ ONLY",
    # The order of rows without ORDER BY is then that of the table, not of chance: a run's data are told by a digest.
    "SET LOCAL synchronize_seqscans = off",
    "SET LOCAL max_parallel_workers_per_gather = 0",
)


def batches(url: str, query: str, password_variable: str = "") -> Generator[pa.RecordBatch, None, None]:
    """The rows of a query.

    Args:
      url: postgresql://host:port/database, without credentials; what it does not say, PostgreSQL's variables do.
      query: A SELECT, or anything else that COPY takes.
      password_variable: Variable of the environment that holds the password; "" leaves it to PGPASSWORD or ~/.pgpass.

    Raises:
      InputError: No connection, or the query fails; with the server's own message.
      ConfigError: `password_variable` is not set.
      MissingExtra: The extra `sql` is not installed.
    """
    dbapi = import_extra("adbc_driver_postgresql.dbapi", "sql", url)
    connection = _connected(dbapi, url, password_variable)
    try:
        cursor = connection.cursor()
        try:
            for statement in TRANSACTION:
                cursor.execute(statement)
            try:
                cursor.execute(query.strip().rstrip(";"))
                reader = cursor.fetch_record_batch()
                for batch in reader:
                    yield _plain(batch, url)
            except (dbapi.Error, pa.ArrowException, OSError) as exc:
                raise InputError(f"{url}: the query failed ({_said(exc)})") from exc
        finally:
            cursor.close()
    finally:
        connection.close()


def _connected(dbapi: Any, url: str, password_variable: str) -> Any:
    address = url if url.startswith("postgresql:") else "postgresql:" + url.partition(":")[2]
    if password_variable:
        if password_variable not in os.environ:
            raise ConfigError(f"{password_variable}: is not set; [data] password_variable says the password is in it")
        address += ("&" if "?" in address else "?") + f"password={quote(os.environ[password_variable], safe='')}"
    if "connect_timeout" not in address and "PGCONNECT_TIMEOUT" not in os.environ:
        address += ("&" if "?" in address else "?") + "connect_timeout=10"
    try:
        return dbapi.connect(address)
    except dbapi.Error as exc:
        said = _said(exc)
        hint = "; PGUSER and PGPASSWORD, or ~/.pgpass, say who asks" if "password" in said or "role" in said else ""
        raise InputError(f"{url}: cannot be connected to ({said}){hint}") from None  # the trace would hold the password


def _said(error: Exception) -> str:
    """The server's own message, without what the driver puts around it."""
    text = str(error).partition("Query was:")[0]
    for mark in ("ERROR:  ", "FATAL:  ", "failed: ", "[libpq] "):
        if mark in text:
            text = text.partition(mark)[2]
            break
    return one_line(" ".join(text.split()))


def _plain(batch: pa.RecordBatch, url: str) -> pa.RecordBatch:
    """The batch with types that Arrow itself has: NUMERIC as float64, enumerations, UUIDs and JSON as text."""
    columns = [_column(column, field, url) for column, field in zip(batch.columns, batch.schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _column(column: pa.Array, field: pa.Field, url: str) -> pa.Array:
    kind = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
    if kind == "money":
        raise InputError(
            f"{url}: column '{one_line(field.name)}' is money; cast it in the query: {field.name}::numeric"
        )
    if not isinstance(column.type, pa.BaseExtensionType):
        return column
    stored = column.storage
    if kind == "numeric":
        return parse(stored, pa.float64())
    if kind == "uuid":
        texts = [None if one is None else _uuid(one) for one in stored.to_pylist()]
        return pa.array(texts, pa.string())
    if pa.types.is_string(stored.type):
        return stored
    if kind.startswith("unnamed") and pa.types.is_binary(stored.type):  # an enumeration, most likely
        try:
            texts = stored.cast(pa.string())
            if "\0" not in "".join(text or "" for text in texts.unique().to_pylist()):
                return texts
        except pa.ArrowInvalid:
            pass
    raise InputError(
        f"{url}: column '{one_line(field.name)}' is of PostgreSQL's type {one_line(kind)}, which is not read; cast it "
        "in the query, as ::text"
    )


def _uuid(value: bytes) -> str:
    text = value.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
