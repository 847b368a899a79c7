"""Reads CSV files as typed record batches by Arrow's typed reader, and again as text if a cell does not fit."""

import re
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import csv, fs

from components.shared.errors import InputError
from components.table_reading.cells.casting import lost
from components.table_reading.cells.column_parsing import parse_column
from components.table_reading.cells.type_mismatches import FileTypeMismatches, shorten
from components.table_reading.column_matching import unknown_names
from components.table_reading.column_types import type_name
from components.table_reading.csv.arrow_reader import csv_batches
from components.table_reading.csv.errors import explain
from components.table_reading.csv.header import Header, read_header
from components.table_reading.csv.nameless_columns import Renamed, placeholders, without_nameless
from components.table_reading.csv.stream import StreamState
from components.table_reading.csv.text import open_text
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile


def read_csv(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    options: ReadOptions,
    mismatches: FileTypeMismatches,
    block_bytes: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """Streams a CSV file; see `readers.read_batches`.

    Args:
      filesystem: Filesystem of the file.
      file: A CSV file.
      types: Column -> type, from the schema.
      options: Read options.
      mismatches: Collects the type mismatches.
      block_bytes: Bytes of text read at a time; None for `max_line_bytes`.

    Raises:
      InputError: The file cannot be read or has no rows; or, under the policy `block`, the first type mismatch.
    """
    header = read_header(filesystem, file, options)
    names = header.names
    options.limits.check_columns(file.name, len(names))
    block_bytes = max(block_bytes or options.limits.max_line_bytes, header.bytes)
    unknown = unknown_names(file.name, names, types, "header")
    notation = options.notation
    for name, type_ in types.items():
        if pa.types.is_list(type_) and name not in notation.list_separator:
            raise InputError(
                f"{file.name}: column '{name}': the schema says {type_name(type_)}, but a cell of a CSV file holds one "
                f'value; set the separator of the items in [data] list_separator = {{ "{name}" = ";" }}, or '
                "value_count { min: 1 max: 1 } in the schema, or write the data as Parquet"
            )
    wanted = {**types, **dict.fromkeys(unknown, pa.string())}
    # Arrow parses timestamps either all with a zone or all without, so they are read as text and parsed here; so are
    # numbers in another notation than 1234.5.
    as_text = {name: type_ for name, type_ in wanted.items() if notation.needs_text(name, type_)}
    arguments = (filesystem, file, wanted, header, options, mismatches, block_bytes)
    rows = 0
    try:
        while True:
            try:
                for batch in _typed(*arguments, as_text, skip=rows):
                    rows += batch.num_rows
                    yield batch
                break
            except pa.ArrowInvalid as exc:
                whole = _whole_number(str(exc), names)
                if whole in as_text or wanted.get(whole) != pa.int64():
                    raise
                as_text[whole] = pa.int64()  # Arrow does not parse 1.0 as an integer
    except pa.ArrowInvalid as exc:
        if options.on_type_mismatch == "block" or ": invalid value " not in str(exc):
            raise InputError(f"{file.name}: {explain(str(exc), names, options.limits, options.header_row)}") from exc
        # Read the remaining rows with all columns as text, so that one more pass finds all type mismatches.
        as_text = {name: type_ for name, type_ in wanted.items() if type_ != pa.string()}
        try:
            for batch in _typed(*arguments, as_text, skip=rows):
                rows += batch.num_rows
                yield batch
        except pa.ArrowInvalid as deeper:
            raise InputError(
                f"{file.name}: {explain(str(deeper), names, options.limits, options.header_row)}"
            ) from deeper
    if rows == 0:
        raise InputError(f"{file.name}: holds a header but no rows")


def _typed(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    header: Header,
    options: ReadOptions,
    mismatches: FileTypeMismatches,
    block_bytes: int,
    as_text: dict[str, pa.DataType],
    skip: int = 0,
) -> Iterator[pa.RecordBatch]:
    """Streams the rows after the first `skip`; columns of `as_text` are read as strings and parsed here."""
    nameless = placeholders(header)
    last = [*header.names, *nameless][-1]
    convert = csv.ConvertOptions(
        column_types={**types, **dict.fromkeys([*as_text, *nameless], pa.string())},
        include_columns=[*types, *nameless],
        null_values=list(options.missing),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        check_utf8=True,
    )
    # use_threads=False: only then do Arrow's messages contain the row number, and batches keep their order.
    read = csv.ReadOptions(block_size=block_bytes, use_threads=False)
    parse_options = csv.ParseOptions(delimiter=options.delimiter, newlines_in_values=True)
    before, state = 0, StreamState()
    with open_text(filesystem, file, options) as text:
        renamed = Renamed(text, header, options.delimiter) if nameless else text
        batches = csv_batches(renamed, read, parse_options, convert, state)
        for batch in without_nameless(batches, header, file.name, options.header_row) if nameless else batches:
            start, before = before, before + batch.num_rows
            if before <= skip:
                continue
            if start < skip:
                batch, start = batch.slice(skip - start), skip
            yield _parsed(batch, as_text, start, mismatches, options) if as_text else batch
    if before and types.get(last) == pa.string() and state.is_cut(batch.column(last)[-1].as_py()):
        raise InputError(f"{file.name}: the last row ends inside a quoted cell; a quote is not closed")


def _parsed(
    batch: pa.RecordBatch,
    as_text: dict[str, pa.DataType],
    before: int,
    mismatches: FileTypeMismatches,
    options: ReadOptions,
) -> pa.RecordBatch:
    columns = []
    for name, cells in zip(batch.schema.names, batch.columns, strict=True):
        values = parse_column(name, cells, as_text[name], options.notation) if name in as_text else cells
        gone = lost(cells, values)
        if gone is not None:
            mismatches.note(name, cells, gone, before, as_text[name])
        columns.append(values)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _whole_number(message: str, names: list[str]) -> str:
    """The integer column in which Arrow rejected a whole number with a decimal point, such as 1.0; else ""."""
    found = re.match(r"In CSV column #(\d+): .*conversion error to int64: invalid value '-?\d+\.0+'", shorten(message))
    return names[int(found[1])] if found and int(found[1]) < len(names) else ""
