"""Reads CSV files, and explains a failure by another encoding, delimiter, header row or number notation if it can."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.cells.number_notation import NUMBERS
from components.table_reading.cells.type_mismatches import FileTypeMismatches
from components.table_reading.csv.diagnosis import diagnose
from components.table_reading.csv.dialect import string_batches
from components.table_reading.csv.files import read_csv
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile

OTHER_NOTATION = 0.02
"""Share of type mismatches in a column from which on the file is checked for a different number notation."""


def read_explained(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    mismatches: FileTypeMismatches,
    options: ReadOptions,
) -> Iterator[pa.RecordBatch]:
    """Streams a CSV file with the types of the schema; see `files.read_csv`.

    Args:
      filesystem: Filesystem of the file.
      file: A CSV file.
      types: Column -> type, from the schema.
      mismatches: Collects the type mismatches.
      options: Read options.

    Raises:
      InputError: The file cannot be read; or, under the policy `block`, the first type mismatch.
      pa.ArrowException, OSError, UnicodeDecodeError: The file cannot be read, and the dialect is not the reason.
    """
    mismatches.first_row = options.header_row + 1
    rows = 0
    try:
        for batch in read_csv(filesystem, file, types, options, mismatches):
            rows += batch.num_rows
            yield batch
    except (InputError, pa.ArrowException, OSError, UnicodeDecodeError) as exc:
        # A missing column is often caused by another delimiter or encoding, as spreadsheets write them.
        if reason := diagnose(filesystem, file, options, types, str(exc) if isinstance(exc, InputError) else ""):
            raise InputError(reason) from exc
        raise
    for one in mismatches.per_column:
        # Many mismatches in a numeric column can mean another notation: report that instead of each value.
        many = types.get(one.column) in NUMBERS and one.count >= OTHER_NOTATION * rows
        if many and (reason := diagnose(filesystem, file, options, types, column=one.column)):
            raise InputError(reason)


def explained_strings(
    filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions, expected: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Streams a CSV file with every column as a string; see `dialect.string_batches`.

    Args:
      filesystem: Filesystem of the file.
      file: A CSV file.
      options: Read options.
      expected: Columns of the files read before.

    Raises:
      InputError: The file cannot be read.
    """
    try:
        yield from string_batches(filesystem, file, options)
    except InputError as exc:
        if file.bytes and (reason := diagnose(filesystem, file, options, expected, str(exc))):
            raise InputError(reason) from exc
        raise
