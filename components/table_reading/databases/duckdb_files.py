"""Reads DuckDB files through DuckDB's Arrow interface."""

from collections.abc import Generator

import pyarrow as pa

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import shorten


def batches(path: str, query: str, rows: int) -> Generator[pa.RecordBatch, None, None]:
    """Streams the rows of a query.

    Args:
      path: Path of the DuckDB file.
      query: A SELECT statement.
      rows: Maximum number of rows per batch.

    Raises:
      InputError: The file cannot be opened or the query fails; contains DuckDB's message.
    """
    import duckdb

    try:
        connection = duckdb.connect(path, read_only=True)
        connection.execute("SET enable_progress_bar = false")  # it is printed on stdout, after two seconds
    except duckdb.Error as exc:
        raise InputError(f"{path}: cannot be opened ({shorten(' '.join(str(exc).split()))})") from exc
    try:
        relation = connection.sql(query)
        if relation is None:
            raise InputError(f"{path}: the query returns no rows; it must be a SELECT")
        yield from relation.to_arrow_reader(rows)
    except (duckdb.Error, pa.ArrowException, OSError) as exc:
        raise InputError(f"{path}: the query failed ({shorten(' '.join(str(exc).split()))})") from exc
    finally:
        connection.close()
