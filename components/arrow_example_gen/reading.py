"""A span file as a stream of typed Arrow record batches; what does not fit is an error naming file, column and row."""

import re
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import csv, fs

from components.arrow_example_gen.spans import SpanFile
from components.errors import InputError

BLOCK_BYTES = 8 << 20
"""Read at a time; also the longest row that is accepted."""


def read_batches(filesystem: fs.FileSystem, file: SpanFile, types: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Streams a CSV file's rows with the columns and types that the schema names.

    An empty cell is missing; `""` is an empty string. Columns that the schema does not name are read as strings, so
    that the schema check downstream reports them: one odd span cannot invent a type.

    Args:
      filesystem: Where `file.path` is.
      file: The span.
      types: Column name -> Arrow type.

    Yields:
      Record batches of at most BLOCK_BYTES of text, columns in the schema's order, then the unknown ones.

    Raises:
      InputError: Unreadable, empty, ragged, a missing or doubled column, a value of another type, invalid UTF-8.
    """
    names = _header(filesystem, file)
    unknown = [name for name in names if name not in types]
    convert = csv.ConvertOptions(
        column_types={**types, **dict.fromkeys(unknown, pa.string())},
        include_columns=[*types, *unknown],
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        check_utf8=True,
    )
    missing = [name for name in types if name not in names]
    if missing:
        raise InputError(f"{file.name}: column '{missing[0]}' is missing; the schema names it, the header does not")
    rows = 0
    try:
        with filesystem.open_input_stream(file.path, compression="detect") as stream:
            # use_threads=False: only then do Arrow's messages say which row is wrong, and batches come in order.
            read = csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False)
            for batch in csv.open_csv(stream, read_options=read, parse_options=_PARSE, convert_options=convert):
                rows += batch.num_rows
                yield batch
    except (pa.ArrowInvalid, OSError) as exc:
        raise InputError(f"{file.name}: {_explain(str(exc), names)}") from exc
    if rows == 0:
        raise InputError(f"{file.name}: holds a header but no rows")


_PARSE = csv.ParseOptions(newlines_in_values=True)


def _header(filesystem: fs.FileSystem, file: SpanFile) -> list[str]:
    """Column names of a CSV file."""
    if file.bytes == 0:
        raise InputError(f"{file.name}: is empty")
    try:
        with filesystem.open_input_stream(file.path, compression="detect") as stream:
            # Everything as bytes: only the names are wanted, and a bad cell further down has its own, better message.
            first = csv.open_csv(
                stream,
                read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
                parse_options=_PARSE,
                convert_options=csv.ConvertOptions(check_utf8=False),
            )
            names = first.schema.names
    except UnicodeDecodeError as exc:
        raise InputError(f"{file.name}: the header is not valid UTF-8 ({exc.reason} at byte {exc.start})") from exc
    except (pa.ArrowInvalid, OSError) as exc:
        raise InputError(f"{file.name}: {_explain(str(exc), [])}") from exc
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{file.name}: column '{twice[0]}' is there twice; rename or drop one")
    return names


def _explain(message: str, names: list[str]) -> str:
    """Arrow's message with the column's name for its number, in one line. Blank lines are no rows."""
    message = _one_line(message)
    if "Empty CSV file" in message:
        return "holds no rows"
    column = re.match(r"In CSV column #(\d+): (?:Row #(\d+): )?(.*)", message)
    if column is None:
        ragged = re.match(r"CSV parse error: (?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", message)
        if ragged is not None:
            return f"row {ragged[1]} has {ragged[3]} cells where the header has {ragged[2]} (the header is row 1)"
        return message
    index, row, reason = int(column[1]), column[2], column[3]
    place = f"column '{names[index]}'" if index < len(names) else f"column {index + 1}"
    if row is not None:
        place += f", row {row} (the header is row 1)"
    value = re.search(r"conversion error to (\w+): (.*)", reason)
    return f"{place}: {value[2]} where the schema says {value[1]}" if value else f"{place}: {reason}"


def _one_line(message: str) -> str:
    """A message without what is in a cell by mistake: line breaks, control characters, a paragraph."""
    printable = "".join(character if character.isprintable() else " " for character in message)
    return printable if len(printable) <= 300 else f"{printable[:200]} ... {printable[-20:]}"
