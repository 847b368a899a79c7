"""Reads the spans of a dataset from a database query: lists them, and streams their rows."""

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa

from components.shared.errors import ConfigError, InputError
from components.table_reading.cells.type_mismatches import FileTypeMismatches, shorten
from components.table_reading.cells.typed_batches import typed_batch
from components.table_reading.cells.weak_types import typed_columns
from components.table_reading.column_matching import carried, unknown_names
from components.table_reading.databases import sqlite_files
from components.table_reading.databases.database import BATCH_ROWS, Database
from components.table_reading.read_options import ReadOptions
from components.table_reading.span_numbers import numbered, text_of
from components.table_reading.spans import SPAN, SpanFile

MAX_SPANS = 100_000


def query_spans(database: Database, query: str, options: ReadOptions) -> list[SpanFile]:
    """Lists the spans of a query, ordered by number; a single span 0 if the query has no `{span}`.

    `{span}` is replaced by each value of the first column of `[data] spans_query`: a number or a quoted date.

    Args:
      database: The database.
      query: A SELECT statement, with or without `{span}`.
      options: Read options; `spans_query` lists the spans.

    Raises:
      InputError: A query fails, or its values are neither numbers nor dates, or there are none or too many.
      ConfigError: The query has `{span}` and `spans_query` is not set.
    """
    size, modified = database.stand() if database.file else (0, 0)
    if SPAN not in query:
        return [SpanFile(0, query, database.url, size, modified)]
    if not options.spans_query:
        raise ConfigError(
            f"{database.url}: the query has {{span}}, but there is no list of spans; set [data] "
            "spans_query, or --spans-query, to a query whose first column gives them"
        )
    values: dict[str, object] = {}
    for batch in database.batches(options.spans_query, options):
        for value in batch.column(0).drop_null().to_pylist():
            values.setdefault(text_of(value), value)
        if len(values) > MAX_SPANS:
            raise InputError(
                f"{database.url}: spans_query returns more than {MAX_SPANS:,} spans; group them, for example by month"
            )
    database.digests.pop(options.spans_query, None)
    if not values:
        raise InputError(f"{database.url}: spans_query returns no span: {shorten(options.spans_query)}")
    found: dict[int, SpanFile] = {}
    for text, number in numbered(values, f"{database.url}: spans_query").items():
        span = number.span
        if span in found:
            raise InputError(f"{database.url}: span {span} is listed twice, as {found[span].name} and {text}")
        one, counted = query.replace(SPAN, _literal(values[text], text)), number.counted
        name = f"{database.url}, span {text}"
        found[span] = SpanFile(span, one, name, size, modified, counted=counted if counted != span else None)
    return [found[number] for number in sorted(found)]


def _literal(value: object, text: str) -> str:
    """A span value as SQL literal; `numbered` has validated that it is a number or begins with a date."""
    return text if isinstance(value, int) else "'" + text.replace("'", "''") + "'"


def survey_batches(database: Database, file: SpanFile, options: ReadOptions) -> Iterator[pa.RecordBatch]:
    """Streams the rows of a query for type inference, with the database's types; as texts from SQLite.

    Args:
      database: The database.
      file: The span; `path` is its query.
      options: Read options.

    Raises:
      InputError: The query fails, or a column name is empty or duplicated.
    """
    if database.kind == "sqlite":
        batches = sqlite_files.text_batches(database.existing_file(), file.path, BATCH_ROWS)
    else:
        batches = database.batches(file.path, options)
    with closing(batches):
        for batch in batches:
            unknown_names(file.name, batch.schema.names, batch.schema.names, "query")
            options.limits.check_columns(file.name, batch.num_columns)
            yield batch
    database.digests.pop(file.path, None)


def read_query(
    database: Database,
    file: SpanFile,
    types: dict[str, pa.DataType],
    mismatches: FileTypeMismatches,
    options: ReadOptions,
) -> Iterator[pa.RecordBatch]:
    """Streams the rows of a query; see `readers.read_batches`.

    Args:
      database: The database.
      file: The span; `path` is its query.
      types: Column -> type, from the schema.
      mismatches: Collects the type mismatches.
      options: Read options.

    Raises:
      InputError: The query fails or a column is missing; or, under the policy "block", the first type mismatch.
    """
    wanted, before = None, 0
    for batch in database.batches(file.path, options):
        if wanted is None:
            unknown_names(file.name, batch.schema.names, types, "query")
            wanted = carried(file.name, batch.schema, types)
            if database.kind == "sqlite":  # values of one SQLite column may differ in type
                wanted = {name: types.get(name, pa.string()) for name in wanted}
        if database.kind == "sqlite":
            yield typed_columns(batch, wanted, before, mismatches, options.missing)
        else:
            yield typed_batch(batch, wanted, before, mismatches)
        before += batch.num_rows
