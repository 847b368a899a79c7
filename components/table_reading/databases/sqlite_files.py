"""Reads SQLite files through Python's sqlite3.

SQLite stores a type with each value, not with a column. ADBC's driver infers a column's type from its first rows and
fails at the first value of another type. Here the type is inferred per batch; mixed values become text.
"""

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import shorten

CELLS = 1 << 20
"""Maximum number of cells fetched at a time, since each is a Python object until the batch is built."""


def batches(path: str, query: str, rows: int) -> Generator[pa.RecordBatch, None, None]:
    """Streams the rows of a query.

    Args:
      path: Path of the SQLite file.
      query: A SELECT statement.
      rows: Maximum number of rows per batch.

    Raises:
      InputError: The query fails; contains SQLite's message.
    """
    for names, values in _rows(path, query, rows):
        yield pa.RecordBatch.from_arrays([_column(column) for column in values], names)


def text_batches(path: str, query: str, rows: int) -> Generator[pa.RecordBatch, None, None]:
    """Streams the rows of a query with every value as text, for type inference.

    Args:
      path: Path of the SQLite file.
      query: A SELECT statement.
      rows: Maximum number of rows per batch.

    Raises:
      InputError: The query fails; contains SQLite's message.
    """
    for names, values in _rows(path, query, rows):
        texts = [pa.array([_text(value) for value in column], pa.string()) for column in values]
        yield pa.RecordBatch.from_arrays(texts, names)


def _rows(path: str, query: str, rows: int) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
    """Yields the column names, and the fetched values by column."""
    address = f"{Path(path).resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as connection:
            connection.execute("PRAGMA query_only = ON")
            cursor = connection.execute(query)
            if cursor.description is None:
                raise InputError(f"{path}: the query returns no rows; it must be a SELECT")
            names = [column[0] for column in cursor.description]
            fetched = max(1, min(rows, CELLS // max(len(names), 1)))
            while found := cursor.fetchmany(fetched):
                yield names, list(zip(*found, strict=True))
    except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError) as exc:
        raise InputError(f"{path}: the query failed ({shorten(str(exc))})") from exc


def _column(values: tuple[Any, ...]) -> pa.Array:
    kinds = {type(value) for value in values} - {type(None)}
    if len(kinds) <= 1:
        return pa.array(values)
    if kinds == {int, float}:
        return pa.array(values, pa.float64())
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)
