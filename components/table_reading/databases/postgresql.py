"""Reads PostgreSQL through ADBC, which streams rows in COPY's binary format, a few MiB at a time."""

import os
from collections.abc import Generator
from importlib import metadata
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from components.shared.errors import ConfigError, InputError
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.formats.optional_libraries import import_extra

TRANSACTION = (
    "SET TRANSACTION READ ONLY",
    # Makes the row order of a query without ORDER BY reproducible, since the data fingerprint depends on it.
    "SET LOCAL synchronize_seqscans = off",
    "SET LOCAL max_parallel_workers_per_gather = 0",
)

NAMED_TYPES = (1, 13)
"""Version of the ADBC driver from which every column names its type; the last one for Python 3.10 is older."""
TYPE_KEYS = (b"POSTGRESQL:type", b"ADBC:postgresql:typname")
"""Metadata of a column with the name of its type: of the driver from NAMED_TYPES on, and before."""


def batches(url: str, query: str, password_variable: str = "") -> Generator[pa.RecordBatch, None, None]:
    """Streams the rows of a query.

    Args:
      url: postgresql://host:port/database, without credentials; missing parts come from PostgreSQL's variables, such as
        PGHOST.
      query: A SELECT, or another query that COPY accepts.
      password_variable: Environment variable that contains the password; "" for PGPASSWORD or ~/.pgpass.

    Raises:
      InputError: The connection or the query fails; contains the server's message.
      ConfigError: The variable `password_variable` is not set.
      MissingExtra: The extra `sql` is not installed.
    """
    dbapi = import_extra("adbc_driver_postgresql.dbapi", "sql", url)
    connection = _connected(dbapi, url, password_variable)
    try:
        cursor = connection.cursor()
        try:
            select = query.strip().rstrip(";")
            if _driver() < NAMED_TYPES:
                _refuse_money(dbapi, connection, cursor, select, url)
            for statement in TRANSACTION:
                cursor.execute(statement)
            try:
                cursor.execute(select)
                reader = cursor.fetch_record_batch()
                for batch in reader:
                    yield _plain(batch, url)
            except (dbapi.Error, pa.ArrowException, OSError) as exc:
                raise InputError(f"{url}: the query failed ({_server_message(exc)})") from exc
        finally:
            cursor.close()
    finally:
        connection.close()


def _connected(dbapi: Any, url: str, password_variable: str) -> Any:
    address = url if url.startswith("postgresql:") else "postgresql:" + url.partition(":")[2]
    if password_variable:
        if password_variable not in os.environ:
            raise ConfigError(f"{password_variable}: is not set; [data] password_variable expects the password in it")
        address += ("&" if "?" in address else "?") + f"password={quote(os.environ[password_variable], safe='')}"
    if "connect_timeout" not in address and "PGCONNECT_TIMEOUT" not in os.environ:
        address += ("&" if "?" in address else "?") + "connect_timeout=10"
    try:
        return dbapi.connect(address)
    except dbapi.Error as exc:
        message = _server_message(exc)
        asks = "password" in message or "role" in message
        hint = "; set PGUSER and PGPASSWORD, or use ~/.pgpass" if asks else ""
        # The traceback would contain the password.
        raise InputError(f"{url}: cannot be connected to ({message}){hint}") from None


def _server_message(error: Exception) -> str:
    """The server's message without the text that the driver adds."""
    text = str(error).partition("Query was:")[0]
    for mark in ("ERROR:  ", "FATAL:  ", "failed: ", "[libpq] "):
        if mark in text:
            text = text.partition(mark)[2]
            break
    return shorten(" ".join(text.split()))


def _plain(batch: pa.RecordBatch, url: str) -> pa.RecordBatch:
    """Converts PostgreSQL types without an Arrow type: NUMERIC to float64; enumerations, UUIDs and JSON to text."""
    columns = [_column(column, field, url) for column, field in zip(batch.columns, batch.schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _column(column: pa.Array, field: pa.Field, url: str) -> pa.Array:
    about = field.metadata or {}
    kind = next((about[key] for key in TYPE_KEYS if key in about), b"").decode()
    if kind == "money":
        raise _money(field.name, url)
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
    if kind.startswith("unnamed") and pa.types.is_binary(stored.type):  # probably an enumeration
        try:
            texts = stored.cast(pa.string())
            if "\0" not in "".join(text or "" for text in texts.unique().to_pylist()):
                return texts
        except pa.ArrowInvalid:
            pass
    raise InputError(
        f"{url}: column '{shorten(field.name)}' has the unsupported PostgreSQL type {shorten(kind)}; cast it "
        "in the query, as ::text"
    )


def _driver() -> tuple[int, int]:
    major, minor = metadata.version("adbc-driver-postgresql").split(".")[:2]
    return int(major), int(minor)


def _refuse_money(dbapi: Any, connection: Any, cursor: Any, select: str, url: str) -> None:
    """Raises InputError for a column of type money, which the driver before NAMED_TYPES reads as integers of cents."""
    try:
        for statement in TRANSACTION:
            cursor.execute(statement)
        cursor.execute(f"SELECT * FROM ({select}) AS q LIMIT 0")  # noqa: S608  (the user's own query)
        names = [field.name for field in cursor.fetch_arrow_table().schema if pa.types.is_int64(field.type)]
        types: list[str] = []
        if names:
            asked = ", ".join('pg_typeof("{}")::text'.format(name.replace('"', '""')) for name in names)
            cursor.execute(f"SELECT {asked} FROM ({select}) AS q LIMIT 1")  # noqa: S608
            types = list(cursor.fetchone() or ())
    except dbapi.Error:
        return  # the query itself will say what is wrong
    finally:
        connection.rollback()
    for name, kind in zip(names, types, strict=False):
        if kind == "money":
            raise _money(name, url)


def _money(name: str, url: str) -> InputError:
    return InputError(f"{url}: column '{shorten(name)}' is money; cast it in the query: {name}::numeric")


def _uuid(value: bytes) -> str:
    text = value.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
