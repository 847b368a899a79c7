"""Tables in nested folders, whose names give values: Hive partitioning, and folders of classes.

A pattern may contain folders and `*`. `month={span}/*.parquet` makes one span of each folder, with any number of
files; `region=*/*.parquet`, or `*.parquet`, is one table without spans. A folder named `column=value`, as Hive, Spark
and Arrow datasets write them, gives the value of a column for all rows below it; so does a folder at a placeholder:
`span-{span}/{defect}/*.png` are images in a folder per class, with the column `defect`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.cells.casting import fit
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.span_numbers import Numbered, numbered
from components.table_reading.spans import SPAN, SpanFile, SpanPart, display_path, filesystem_error, open_folder

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""Hive's name for the partition of null values."""


_PLACEHOLDER = re.compile(r"\{([^{}/]+)\}")


def placeholders(pattern: str) -> list[str]:
    """Returns the columns whose values the folders or file names of a pattern give, without `span`."""
    return [name for name in _PLACEHOLDER.findall(pattern) if f"{{{name}}}" != SPAN]


def has_parts(pattern: str) -> bool:
    """Whether a pattern can match several files per span."""
    return "/" in pattern or "*" in pattern


def find_partitions(directory: str, pattern: str) -> list[SpanFile]:
    """Lists the spans of a partitioned table, ordered by number; a single span 0 if the pattern has no `{span}`.

    Args:
      directory: Folder or URL.
      pattern: Relative path of the files, with `{span}`, `{column}` and `*` as described above.

    Raises:
      InputError: The folder is missing, no file matches the pattern, or two folders have the same span number.
    """
    filesystem, root = open_folder(directory)
    columns = placeholders(pattern)
    matches = re.compile(_expression(pattern)).fullmatch
    found: dict[str, list[SpanPart]] = {}
    for info, relative in walk(filesystem, root, directory):
        if match := matches(relative):
            named = tuple((column, match[f"c{at}"]) for at, column in enumerate(columns))
            values = (*values_of(relative), *named)
            name, modified = display_path(directory, relative), info.mtime_ns or 0
            part = SpanPart(info.path, name, info.size, modified, values, relative)
            found.setdefault(match["span"] if SPAN in pattern else "", []).append(part)
    if not found:
        raise InputError(f"{directory}: no file matches {pattern}")
    if SPAN not in pattern:
        return [_span(Numbered(0, 0), display_path(directory, pattern), root, found[""])]
    numbers = numbered(found, directory)
    before, _, after = pattern.partition(SPAN)
    folder = after.partition("/")[0]  # messages name the folder month=1, not month=1/*.parquet
    by_number: dict[int, SpanFile] = {}
    for value, parts in found.items():
        name = display_path(directory, f"{before}{value}{folder}")
        number = numbers[value]
        if (other := by_number.get(number.span)) is not None:
            raise InputError(f"{name}: span {number.span} is duplicated by {other.name}; keep one")
        by_number[number.span] = _span(number, name, f"{root.rstrip('/')}/{before}{value}{folder}", parts)
    return [by_number[number] for number in sorted(by_number)]


def walk(filesystem: fs.FileSystem, root: str, directory: str) -> list[tuple[fs.FileInfo, str]]:
    """Lists the files below a folder, sorted by path, without hidden ones (file or folder begins with . or _).

    Args:
      filesystem: The filesystem.
      root: Path of the folder in the filesystem.
      directory: Folder or URL, for messages.

    Returns:
      Each file with its path relative to the folder.

    Raises:
      InputError: The folder is missing or cannot be listed.
    """
    try:
        entries = filesystem.get_file_info(fs.FileSelector(root, recursive=True))
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise InputError(
            f"{directory}: no such folder; set [data] directory, or --data, to the folder of the spans"
        ) from exc
    except OSError as exc:
        raise InputError(f"{directory}: cannot be listed ({filesystem_error(exc)})") from exc
    base = root.rstrip("/")
    files = [(entry, entry.path[len(base) :].lstrip("/")) for entry in entries if entry.type == fs.FileType.File]
    seen = [one for one in files if not any(part[:1] in ("_", ".") for part in one[1].split("/"))]
    return sorted(seen, key=lambda one: one[1])


def values_of(relative: str) -> tuple[tuple[str, str | None], ...]:
    """Parses the partition columns of a path such as month=1/city=S%C3%A3o%20Paulo/part-0.parquet.

    Returns:
      (column, value) pairs in the order of the folders, percent-decoded; None for a null value.
    """
    pairs = [folder.split("=", 1) for folder in relative.split("/")[:-1] if folder.find("=") > 0]
    return tuple((unquote(column), None if value == NO_VALUE else unquote(value)) for column, value in pairs)


def part_files(file: SpanFile) -> list[SpanFile]:
    """The parts of a span, each as a SpanFile."""
    return [
        replace(file, path=part.path, name=part.name, bytes=part.bytes, modified_ns=part.modified_ns, parts=())
        for part in file.parts
    ]


def with_texts(batch: pa.RecordBatch, part: SpanPart) -> pa.RecordBatch:
    """Appends the partition columns of a part to a batch, as text."""
    for column, value in part.values:
        if column not in batch.schema.names:
            batch = batch.append_column(column, pa.repeat(pa.scalar(value, pa.string()), batch.num_rows))
    return batch


def without_columns(types: Mapping[str, pa.DataType], part: SpanPart) -> dict[str, pa.DataType]:
    """The types of the columns that the file itself must contain: all except the partition columns."""
    return {name: type_ for name, type_ in types.items() if name not in dict(part.values)}


def with_columns(batch: pa.RecordBatch, part: SpanPart, types: Mapping[str, pa.DataType]) -> pa.RecordBatch:
    """Adds the partition columns to a batch: columns of the schema in its order, then the others.

    Args:
      batch: Rows of the part.
      part: The file and its partition values.
      types: Column -> type, from the schema; a partition column that is not in it becomes a string.

    Raises:
      InputError: A partition value does not fit its column's type, or the file contains the column with other values.
    """
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for column, value in part.values:
        wanted = types.get(column, pa.string())
        scalar = _value(value, wanted, column, part)
        if column in columns and not _is_constant(columns[column], scalar):
            raise InputError(f"{part.name}: column '{column}' differs from the value of its folder, {value}")
        columns[column] = pa.repeat(scalar, batch.num_rows)
    order = [*types, *(name for name in columns if name not in types)]
    return pa.RecordBatch.from_arrays([columns[name] for name in order], order)


def _value(value: str | None, type_: pa.DataType, column: str, part: SpanPart) -> pa.Scalar:
    texts = pa.array([value], pa.string())
    found = texts if type_ == pa.string() or pa.types.is_list(type_) else parse(texts, type_)
    fitted = fit(found, type_)
    if value is not None and not fitted[0].is_valid:
        raise InputError(
            f"{part.name}: the folder {shorten(column)}={shorten(value)} does not fit the type {type_} of the schema"
        )
    return fitted[0]


def _is_constant(column: pa.Array, value: pa.Scalar) -> bool:
    """Whether all rows of a column in the file have the value of the folder."""
    if not value.is_valid:
        return bool(column.null_count == len(column))
    if column.type != value.type and pa.types.is_string(value.type):
        try:
            column = column.cast(pa.string())
        except pa.ArrowInvalid:
            return False
    fitted = fit(column, value.type)
    return fitted.null_count == 0 and bool(pc.all(pc.equal(fitted, value)).as_py() is not False)


def _span(number: Numbered, name: str, path: str, parts: Sequence[SpanPart]) -> SpanFile:
    size, modified = sum(part.bytes for part in parts), max(part.modified_ns for part in parts)
    counted = number.counted if number.counted != number.span else None
    return SpanFile(number.span, path, name, size, modified, parts=tuple(parts), counted=counted)


def _expression(pattern: str) -> str:
    """Translates a pattern to a regular expression, with the group `span` and groups c0, c1, ... of the columns."""
    texts, columns = [], 0
    for piece in re.split(r"(\{[^{}/]+\}|\*)", pattern):
        if piece == SPAN:
            texts.append(r"(?P<span>[^/]*)")
        elif _PLACEHOLDER.fullmatch(piece):
            texts.append(f"(?P<c{columns}>[^/]+)")
            columns += 1
        else:
            texts.append("[^/]*" if piece == "*" else re.escape(piece))
    return "".join(texts)
