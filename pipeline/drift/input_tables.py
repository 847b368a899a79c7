"""Input of a comparison: two files, folders or queries, with common column types."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError, UsageError
from components.shared.examples.example_reading import example_batches
from components.table_reading.cells.type_mismatches import TypeMismatch
from components.table_reading.column_types import arrow_types
from components.table_reading.csv.diagnosis import diagnose
from components.table_reading.csv.dialect import with_settings
from components.table_reading.databases.addresses import database_url, is_database
from components.table_reading.formats.registry import ALL, TABLES, TFRECORD, has_schema, is_csv
from components.table_reading.hive_partitions import find_partitions
from components.table_reading.locations import Place, open_place
from components.table_reading.read_limits import DEFAULT_LIMITS, Limits
from components.table_reading.read_options import ReadOptions
from components.table_reading.readers import read_batches
from components.table_reading.schema_inference import declared_types, infer_schema
from components.table_reading.spans import SPAN, SpanFile, open_folder
from components.table_reading.untyped_batches import find_dialect
from pipeline.onboarding.initialise.partition_pattern import partitioned_pattern

EXAMPLES = (*TFRECORD.suffixes, ".gz")
"""File name suffixes of tf.Examples; TFX writes files such as data_tfrecord-00000-of-00001.gz."""


@dataclass(frozen=True)
class ReadRequest:
    """Options of the command line for reading data.

    Attributes:
      queries: SQL queries: one for both data sets, or one for each.
      sheet: Sheet of workbooks.
      password_variable: Environment variable with the password of databases.
      csv: Options of the CSV dialect, each `name=value`; they override detected and configured ones.
    """

    queries: tuple[str, ...] = ()
    sheet: str = ""
    password_variable: str = ""
    csv: tuple[str, ...] = ()


NOTHING = ReadRequest()


@dataclass(frozen=True)
class InputTable:
    """One of the two data sets.

    Attributes:
      name: Path or URL as given.
      files: Files to read, sorted by name.
      types: Column -> type alias; empty for tf.Examples, which have types of their own.
      options: Read options.
      mismatches: Type mismatches, which count as missing; filled while reading.
      assumed: Assumptions about the CSV dialect, each with the option that changes it.
    """

    name: str
    files: tuple[SpanFile, ...]
    types: Mapping[str, str]
    options: ReadOptions = field(default_factory=ReadOptions)
    mismatches: list[TypeMismatch] = field(default_factory=list)
    assumed: tuple[tuple[str, str], ...] = ()

    def assumed_lines(self) -> list[str]:
        """Formats the assumptions about the CSV dialect, one line each."""
        return [f"{self.name}: {what}; {setting}" for what, setting in self.assumed]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yields all rows, file by file."""
        if not self.types:
            for file in self.files:
                yield from example_batches(file.name)
            return
        types, place = arrow_types(dict(self.types)), open_place(_place(self.name))
        for file in self.files:
            yield from read_batches(place, file, types, self.options, self.mismatches)


def open_sides(
    baseline: str,
    current: str,
    types: Mapping[str, str] | None = None,
    options: ReadOptions | None = None,
    limits: Limits = DEFAULT_LIMITS,
    request: ReadRequest = NOTHING,
) -> tuple[InputTable, InputTable]:
    """Opens both data sets and determines common column types.

    Args:
      baseline: A file, a folder of files with the same columns, or a database URL.
      current: The same for the current data; its columns may differ.
      types: Column -> type alias from a schema. Types of other columns are inferred, in common for both data sets.
      options: Read options; None detects the CSV dialect and the markers of missing values.
      limits: Read limits.
      request: Options of the command line.

    Raises:
      UsageError: A path does not exist or has an unsupported type, or an option is invalid.
      InputError: The data cannot be read.
    """
    if len(request.queries) > 2:
        raise UsageError("--query: given more than twice; give one query for both data sets, or one for each")
    queries = (request.queries or ("",)) * 2
    sides = [
        _open(name, options, limits, request, query, types or {})
        for name, query in zip((baseline, current), queries, strict=False)
    ]
    inferred: dict[str, str] = {}
    for side in sides:
        for column, alias in side.types.items():
            inferred[column] = _common(inferred.get(column, alias), alias)
    settled = {**inferred, **{column: alias for column, alias in (types or {}).items() if column in inferred}}
    markers = tuple(dict.fromkeys(marker for side in sides for marker in side.options.missing))
    one, other = (
        replace(
            side,
            types={column: settled[column] for column in side.types},
            options=replace(side.options, missing=markers, on_type_mismatch="warn", limits=limits),
        )
        for side in sides
    )
    return one, other


def _open(
    name: str,
    options: ReadOptions | None,
    limits: Limits,
    request: ReadRequest,
    query: str,
    expected: Mapping[str, str],
) -> InputTable:
    place, files = _files(name, query)
    if all(_is_examples(file.path) for file in files):
        return InputTable(name, files, {})
    if odd := [file for file in files if _is_examples(file.path)]:
        raise InputError(f"{odd[0].name}: the folder mixes tf.Examples with other file types; keep one type per folder")
    how = replace(
        options or ReadOptions(),
        limits=limits,
        sheet=request.sheet or (options.sheet if options else ""),
        password_variable=request.password_variable or (options.password_variable if options else ""),
    )
    in_files = isinstance(place, fs.FileSystem) and all(has_schema(file) and not file.parts for file in files)
    if in_files and (declared := declared_types(place, files, limits)) is not None:
        return InputTable(name, files, declared, how)
    if options is None:
        dialect = find_dialect(place, files, how, request.csv)
        found = infer_schema(place, files, dialect.options, 0, find_markers=True)
        return InputTable(name, files, found.types, found.options, assumed=dialect.assumed)
    how = with_settings(how, request.csv)
    found = infer_schema(place, files, how, 0)
    if expected and not expected.keys() & found.types.keys() and isinstance(place, fs.FileSystem):
        for file in files:
            if is_csv(file) and not file.parts and (reason := diagnose(place, file, how, expected)):
                raise InputError(reason)
    return InputTable(name, files, found.types, found.options)


def _place(name: str) -> str:
    """The URL if the name is that of a database file, otherwise the name."""
    return database_url(name) or name


def _files(name: str, query: str) -> tuple[Place, tuple[SpanFile, ...]]:
    if is_database(_place(name)):
        if not query:
            raise UsageError(f"{name}: is a database; --query says which rows of it")
        return open_place(_place(name)), (SpanFile(0, query, name, 0, 0),)
    filesystem, path = open_folder(name)
    try:
        info = filesystem.get_file_info(path)
        if info.type == fs.FileType.NotFound:
            raise UsageError(f"{name}: no such file or folder")
        if info.type == fs.FileType.File:
            if not _is_read(path):
                raise UsageError(f"{name}: is of a kind that is not read; files end in {_legal()}")
            return filesystem, (SpanFile(0, path, name, info.size, info.mtime_ns or 0),)
        entries = filesystem.get_file_info(fs.FileSelector(path))
    except OSError as exc:
        raise UsageError(f"{name}: cannot be read ({' '.join(str(exc).split())})") from exc
    files = [
        SpanFile(number, entry.path, f"{name.rstrip('/')}/{entry.base_name}", entry.size, entry.mtime_ns or 0)
        for number, entry in enumerate(sorted(entries, key=lambda entry: entry.base_name))
        if entry.type == fs.FileType.File and entry.base_name[0] not in "._" and _is_read(entry.path)
    ]
    if not files and (pattern := partitioned_pattern(name)[0]):
        return filesystem, tuple(find_partitions(name, pattern.replace(SPAN, "*")))
    if not files:
        raise UsageError(f"{name}: holds no file that can be read; they end in {_legal()}")
    return filesystem, tuple(files)


def _is_read(path: str) -> bool:
    return path.lower().endswith(TABLES) or _is_examples(path)


def _is_examples(path: str) -> bool:
    name = PurePosixPath(path).name.lower()
    return name.endswith(EXAMPLES) and not name.endswith(TABLES)


def _legal() -> str:
    return ", ".join(ALL)


def _common(one: str, other: str) -> str:
    """Common supertype of two type aliases; "string" if there is no narrower one."""
    if one == other:
        return one
    items = {one.removeprefix("list:"), other.removeprefix("list:")}
    wide = next(iter(items)) if len(items) == 1 else "string"
    for narrow, wider in (("bool", "int64"), ("int64", "float64"), ("date", "timestamp")):
        if items == {narrow, wider}:
            wide = wider
    return f"list:{wide}" if "list:" in one + other else wide
