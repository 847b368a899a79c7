"""Streams the rows of a span in any format without the types of a schema, for type inference."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from components.shared.errors import InputError
from components.table_reading.csv.dialect import Dialect, detect_dialect
from components.table_reading.databases.database import Database
from components.table_reading.databases.queries import survey_batches as query_batches
from components.table_reading.formats.image_folders import image_rows
from components.table_reading.formats.registry import format_of, is_csv, is_image_folder, is_sheet
from components.table_reading.formats.staging import staged
from components.table_reading.hive_partitions import part_files, with_texts
from components.table_reading.locations import Place
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import check_file
from components.table_reading.spans import SpanFile


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
    if is_image_folder(file):
        for batch in image_rows(file):
            yield batch, frozenset(batch.schema.names)
        return
    if file.parts:
        for part, one in zip(file.parts, part_files(file), strict=True):
            for batch, texts in span_batches(place, one, options, expected):
                added = frozenset(dict(part.values)) - set(batch.schema.names)
                yield with_texts(batch, part), texts | added
        return
    with staged(place, file, options) as (inner, content, how):
        check_file(inner, content)
        kind = format_of(content)
        if kind.read_untyped is None:
            raise InputError(f"{content.name}: the columns of a {kind.name} cannot be inferred; convert it to a table")
        for batch in kind.read_untyped(inner, content, how, expected):
            strings = _texts(batch) if kind.inferred_types == "strings" else frozenset[str]()
            yield batch, frozenset(batch.schema.names) if kind.inferred_types == "all" else strings


def find_dialect(place: Place, files: Sequence[SpanFile], options: ReadOptions, fixed: Sequence[str] = ()) -> Dialect:
    """Detects the CSV dialect of a table, also in zip archives, partitions and sheets; see `detect_dialect`.

    Args:
      place: Filesystem or database.
      files: The spans.
      options: Read options.
      fixed: Settings of the command line, each `name=value`; these are not detected.

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
        known = (*fixed, "encoding=utf-8", "delimiter=,") if is_sheet(file) else fixed
        return detect_dialect(inner, [content, *(() if alone else files[1:])], how.limits, known, options)


def _texts(batch: pa.RecordBatch) -> frozenset[str]:
    return frozenset(field.name for field in batch.schema if pa.types.is_string(field.type))
