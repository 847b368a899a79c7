"""Streams the rows of a span in any format without the types of a schema, for type inference."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.column_matching import unknown_names
from components.table_reading.csv.diagnosis import diagnose
from components.table_reading.csv.dialect import Dialect, detect_dialect, string_batches
from components.table_reading.databases.database import Database
from components.table_reading.databases.queries import survey_batches as query_batches
from components.table_reading.formats.arrow_ipc import ipc_batches, open_ipc
from components.table_reading.formats.file_suffixes import JSON_LINES, PARQUET, is_binary, is_csv, is_sheet
from components.table_reading.formats.json_lines import json_batches
from components.table_reading.formats.nested_columns import flat_batch, flat_schema
from components.table_reading.formats.parquet import open_parquet
from components.table_reading.formats.staging import staged
from components.table_reading.hive_partitions import part_files, with_texts
from components.table_reading.locations import Place
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import check_file
from components.table_reading.spans import SpanFile

BATCH_ROWS = 1 << 16


def span_batches(
    place: Place, file: SpanFile, options: ReadOptions, expected: Sequence[str] = ()
) -> Iterator[tuple[pa.RecordBatch, frozenset[str]]]:
    """Streams the rows of a span, text columns as strings and other columns with the types of the file.

    Args:
      place: Filesystem or database.
      file: The span.
      options: Read options.
      expected: Columns of the files read before, to explain a failure by another delimiter or header row.

    Yields:
      A batch, and the names of its text columns whose types have to be inferred from the values.

    Raises:
      InputError: The span cannot be read.
    """
    if isinstance(place, Database):
        for batch in query_batches(place, file, options):
            yield batch, _texts(batch) if place.kind == "sqlite" else frozenset()
        return
    if file.parts:
        for part, one in zip(file.parts, part_files(file), strict=True):
            for batch, texts in span_batches(place, one, options, expected):
                added = frozenset(dict(part.values)) - set(batch.schema.names)
                yield with_texts(batch, part), texts | added
        return
    with staged(place, file, options) as (inner, content, how):
        if content is not file:
            check_file(inner, content)
        if is_binary(content):
            for batch in binary_batches(inner, content, how.limits):
                yield batch, frozenset()
        elif content.path.lower().endswith(JSON_LINES):
            check_file(inner, content)
            for batch in json_batches(inner, content, how.limits):
                yield batch, _texts(batch)
        else:
            try:
                for batch in string_batches(inner, content, how):
                    yield batch, frozenset(batch.schema.names)
            except InputError as exc:
                if content.bytes and (reason := diagnose(inner, content, how, expected, str(exc))):
                    raise InputError(reason) from exc
                raise


def find_dialect(place: Place, files: Sequence[SpanFile], options: ReadOptions, asked: Sequence[str] = ()) -> Dialect:
    """Detects the CSV dialect of a table, also in zip archives, partitions and sheets; see `detect_dialect`.

    Args:
      place: Filesystem or database.
      files: The spans.
      options: Read options.
      asked: Settings of the command line, each `name=value`; these are not detected.

    Returns:
      The dialect; `options` unchanged for formats other than CSV.

    Raises:
      InputError: A file cannot be read.
    """
    if isinstance(place, Database):
        return Dialect(options)
    file = part_files(files[0])[0] if files[0].parts else files[0]
    with staged(place, file, options) as (inner, content, how):
        if not is_csv(content):
            return Dialect(options)
        alone = content is not file or bool(files[0].parts)
        known = (*asked, "encoding=utf-8", "delimiter=,") if is_sheet(file) else asked
        return detect_dialect(inner, [content, *(() if alone else files[1:])], how.limits, known, options)


def _texts(batch: pa.RecordBatch) -> frozenset[str]:
    return frozenset(field.name for field in batch.schema if pa.types.is_string(field.type))


def binary_batches(
    filesystem: fs.FileSystem, file: SpanFile, limits: Limits = DEFAULT_LIMITS
) -> Iterator[pa.RecordBatch]:
    """Streams the rows of a Parquet or Arrow file with their own types, structs flattened.

    Args:
      filesystem: Filesystem of the file.
      file: A Parquet or Arrow file.
      limits: Read limits.

    Raises:
      InputError: The file cannot be read, or a column name is empty or duplicated.
    """
    try:
        with filesystem.open_input_file(file.path) as stream:
            if file.path.lower().endswith(PARQUET):
                parquet = open_parquet(stream, file, limits)
                names = flat_schema(parquet.schema_arrow).names
                unknown_names(file.name, names, names)
                for batch in parquet.iter_batches(BATCH_ROWS, use_threads=False):
                    yield flat_batch(batch)
                return
            reader = open_ipc(stream, file, limits)
            names = flat_schema(reader.schema).names
            unknown_names(file.name, names, names)
            for batch in ipc_batches(reader):
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield flat_batch(batch.slice(start, BATCH_ROWS))
    except (pa.ArrowException, OSError) as exc:
        raise InputError(f"{file.name}: cannot be read ({shorten(str(exc))})") from exc
