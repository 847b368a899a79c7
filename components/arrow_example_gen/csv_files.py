"""CSV files as typed record batches: Arrow's typed reader, and a second look where a cell does not fit."""

import re
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import csv, fs

from components.arrow_example_gen.casting import lost
from components.arrow_example_gen.columns import type_name
from components.arrow_example_gen.csv_stream import UNNAMED, CsvStream
from components.arrow_example_gen.misfits import FileMisfits, one_line
from components.arrow_example_gen.names import unknown_names
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.spans import SpanFile
from components.arrow_example_gen.text_cells import parse
from components.errors import InputError

BLOCK_BYTES = 8 << 20
"""Read at a time; also the longest row that is accepted."""

HEAD_BYTES = 64 << 10
"""Read at a time to find the header."""

COMPRESSION = {"gz": "gzip", "zst": "zstd", "bz2": "bz2"}


def read_csv(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    options: ReadOptions,
    misfits: FileMisfits,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Streams a CSV file; see `reading.read_batches`. `block_bytes` of text are read at a time."""
    names = _header(filesystem, file, options, block_bytes)
    unknown = unknown_names(file.name, names, types, "header")
    for name, type_ in types.items():
        if pa.types.is_list(type_):
            raise InputError(
                f"{file.name}: column '{name}': the schema says {type_name(type_)}, but a cell of a CSV file holds one "
                "value; say value_count { min: 1 max: 1 } in the schema, or write the data as Parquet"
            )
    wanted = {**types, **dict.fromkeys(unknown, pa.string())}
    # Arrow's reader knows moments with a zone or without, not both: those are always read as text.
    as_text = {name: type_ for name, type_ in wanted.items() if pa.types.is_timestamp(type_)}
    arguments = (filesystem, file, wanted, names[-1], options, misfits, block_bytes)
    rows = 0
    try:
        for batch in _typed(*arguments, as_text):
            rows += batch.num_rows
            yield batch
    except pa.ArrowInvalid as exc:
        if options.misfits == "block" or ": invalid value " not in str(exc):
            raise InputError(f"{file.name}: {_explain(str(exc), names)}") from exc
        # From here on every cell is read as text, so that one more pass finds all that does not fit.
        as_text = {name: type_ for name, type_ in wanted.items() if type_ != pa.string()}
        try:
            for batch in _typed(*arguments, as_text, skip=rows):
                rows += batch.num_rows
                yield batch
        except pa.ArrowInvalid as deeper:
            raise InputError(f"{file.name}: {_explain(str(deeper), names)}") from deeper
    if rows == 0:
        raise InputError(f"{file.name}: holds a header but no rows")


def _typed(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    last: str,
    options: ReadOptions,
    misfits: FileMisfits,
    block_bytes: int,
    as_text: dict[str, pa.DataType],
    skip: int = 0,
) -> Iterator[pa.RecordBatch]:
    """The rows after the first `skip`; columns of `as_text` are read as strings and parsed here.

    `last` is the last column of the file.
    """
    convert = csv.ConvertOptions(
        column_types={**types, **dict.fromkeys(as_text, pa.string())},
        include_columns=list(types),
        null_values=list(options.missing),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        check_utf8=True,
    )
    before = 0
    with _open(filesystem, file) as unpacked:
        stream = CsvStream(unpacked, options.delimiter)
        # use_threads=False: only then do Arrow's messages say which row is wrong, and batches come in order.
        read = csv.ReadOptions(block_size=block_bytes, use_threads=False)
        for batch in csv.open_csv(stream, read_options=read, parse_options=_parsing(options), convert_options=convert):
            start, before = before, before + batch.num_rows
            if before <= skip:
                continue
            if start < skip:
                batch, start = batch.slice(skip - start), skip
            yield _parsed(batch, as_text, start, misfits) if as_text else batch
    if before and types[last] == pa.string() and stream.is_cut(batch.column(last)[-1].as_py()):
        raise InputError(f"{file.name}: the last row ends inside a quoted cell; a quote is not closed")


def _parsed(
    batch: pa.RecordBatch, as_text: dict[str, pa.DataType], before: int, misfits: FileMisfits
) -> pa.RecordBatch:
    columns = []
    for name, cells in zip(batch.schema.names, batch.columns, strict=True):
        values = parse(cells, as_text[name]) if name in as_text else cells
        gone = lost(cells, values)
        if gone is not None:
            misfits.note(name, cells, gone, before, as_text[name])
        columns.append(values)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _open(filesystem: fs.FileSystem, file: SpanFile) -> pa.NativeFile:
    return filesystem.open_input_stream(file.path, compression=COMPRESSION.get(file.path.lower().rsplit(".", 1)[-1]))


def _parsing(options: ReadOptions) -> csv.ParseOptions:
    return csv.ParseOptions(delimiter=options.delimiter, newlines_in_values=True)


def _header(filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions, block_bytes: int) -> list[str]:
    """Column names of a CSV file."""
    with _open(filesystem, file) as stream:
        head = _first_line(stream)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{file.name}: is UTF-16; save it as UTF-8")
    try:
        # Everything as bytes: only the names are wanted, and a bad cell further down has its own, better message.
        first = csv.open_csv(
            pa.BufferReader(head),
            read_options=csv.ReadOptions(block_size=max(block_bytes, len(head)), use_threads=False),
            parse_options=_parsing(options),
            convert_options=csv.ConvertOptions(check_utf8=False),
        )
        names: list[str] = first.schema.names
        return [UNNAMED if not names[0] else names[0], *names[1:]]
    except UnicodeDecodeError as exc:
        raise InputError(f"{file.name}: the header is not valid UTF-8 ({exc.reason} at byte {exc.start})") from exc
    except pa.ArrowInvalid as exc:
        raise InputError(f"{file.name}: {_explain(str(exc), [])}") from exc


def _first_line(stream: pa.NativeFile) -> bytes:
    """The bytes up to the end of the first line with something in it, or all that could be read in BLOCK_BYTES."""
    head, at, quotes = b"", 0, 0
    while len(head) < BLOCK_BYTES and (chunk := stream.read(HEAD_BYTES)):
        head += chunk
        for line_end in re.compile(rb"[\r\n]").finditer(head, at):
            quotes += head.count(b'"', at, line_end.end())
            at = line_end.end()
            if quotes % 2 == 0 and head[:at].strip(b"\r\n\xef\xbb\xbf"):
                return head[:at]
    return head


def _explain(message: str, names: list[str]) -> str:
    """Arrow's message with the column's name for its number, in one line. Blank lines are no rows."""
    open_quote = message.count('"') % 2 == 1
    message = one_line(message)
    if "Empty CSV file" in message:
        return "holds no rows"
    if "straddling object straddles two block boundaries" in message:
        return f"a row is longer than {BLOCK_BYTES >> 20} MiB, or a quote is not closed"
    column = re.match(r"In CSV column #(\d+): (?:Row #(\d+): )?(.*)", message)
    if column is None:
        ragged = re.match(r"CSV parse error: (?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", message)
        if ragged is not None:
            hint = "; a quote is not closed?" if open_quote else ""
            return f"row {ragged[1]} has {ragged[3]} cells where the header has {ragged[2]} (the header is row 1){hint}"
        return message
    index, row, reason = int(column[1]), column[2], column[3]
    place = f"column '{names[index]}'" if index < len(names) else f"column {index + 1}"
    if row is not None:
        place += f", row {row} (the header is row 1)"
    value = re.search(r"conversion error to ([\w\[\]]+): (.*)", reason)
    return f"{place}: {value[2]} where the schema says {value[1]}" if value else f"{place}: {reason}"
