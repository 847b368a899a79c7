"""Derives folder, file pattern, spans and name of a dataset from a path or URL."""

import re
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

from components.shared.errors import InputError, UsageError
from components.table_reading.databases.addresses import FILES, database_url, is_database
from components.table_reading.formats.registry import TABLES, suffix
from components.table_reading.hive_partitions import find_partitions
from components.table_reading.locations import find_files
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SPAN, SpanFile, find_spans, open_folder
from pipeline.onboarding.initialise.image_pattern import image_pattern
from pipeline.onboarding.initialise.partition_pattern import partitioned_pattern


@dataclass(frozen=True)
class DataLocation:
    """Location of the data, as in the table [data].

    Attributes:
      directory: Folder or URL.
      pattern: Pattern of the file names, or the query of a database.
      files: The spans.
      window: Number of spans to train on; 0 without spans.
      span_column: Hive partition column whose values are the spans; "" if there is none.
    """

    directory: str
    pattern: str
    files: tuple[SpanFile, ...]
    window: int
    span_column: str = ""

    @property
    def is_database(self) -> bool:
        """Whether the rows come from a database query."""
        return is_database(self.directory)


def find_data(data: str, query: str = "", options: ReadOptions | None = None, label: str = "label") -> DataLocation:
    """Finds the files of a path or URL.

    Args:
      data: A file, a folder or a URL; with a query, the URL or file of a database.
      query: Query of a database.
      options: Options of a database: the query for its spans and the login.
      label: Name of the label column, which the folders of a folder of images give.

    Raises:
      UsageError: The data do not exist, or a query is missing or given without a database.
      InputError: The file names, or the result of the query for the spans, are not a series of spans.
    """
    url = data if is_database(data) else database_url(data)
    if url:
        if not query:
            raise UsageError(f"--data {data}: is a database; give the query for its rows with --query")
        return _series(url, query, find_files(url, query, options or ReadOptions()))
    if query or (options and options.spans_query):
        raise UsageError(f"--query: needs a database, and --data {data} is not one")
    filesystem, path = open_folder(data)
    try:
        info = filesystem.get_file_info(path)
        if info.type == fs.FileType.NotFound:
            raise UsageError(f"--data {data}: no such file or folder")
        if info.type == fs.FileType.File:
            directory, _, file = data.rpartition("/")
            return _single(directory or ("/" if data.startswith("/") else "."), file)
        entries = filesystem.get_file_info(fs.FileSelector(path))
    except OSError as exc:
        raise UsageError(f"--data {data}: cannot be read ({' '.join(str(exc).split())})") from exc
    names = sorted(entry.base_name for entry in entries if entry.type == fs.FileType.File)
    names = [name for name in names if name[0] not in "._" and suffix(name)]
    if not names:
        if pattern := image_pattern(data, label):
            return _series(data, pattern, find_partitions(data, pattern))
        pattern, column = partitioned_pattern(data)
        if pattern:
            return _series(data, pattern, find_partitions(data, pattern), column)
        raise UsageError(f"--data {data}: contains no readable file; legal suffixes: {', '.join(TABLES)}")
    if len(names) == 1:
        return _single(data, names[0])
    if "_SUCCESS" in (entry.base_name for entry in entries):  # Spark marks a folder that is one table with this file
        pattern = f"*{suffix(names[0])}"
        return _series(data, pattern, find_partitions(data, pattern))
    pattern = _pattern(data, names)
    return _series(data, pattern, find_spans(data, pattern))


def _series(directory: str, pattern: str, found: list[SpanFile], column: str = "") -> DataLocation:
    """Spans with the longest window without a gap, at most 3."""
    files = tuple(found)
    if SPAN not in pattern:
        return DataLocation(directory, pattern, files, 0)
    numbers = [file.span for file in files]
    steady = next((back for back in range(1, len(numbers)) if numbers[-1 - back] != numbers[-1] - back), len(numbers))
    if len(numbers) == 1:
        raise InputError(f"{directory}: contains one span, {files[0].name}; training and evaluation need one each")
    if steady == 1:
        instead = (
            "let the query return consecutive numbers"
            if is_database(directory)
            else "rename the files to consecutive numbers"
        )
        raise InputError(
            f"{directory}: spans need consecutive numbers, but {pattern} goes from {numbers[-2]} to {numbers[-1]}; "
            f"{instead}"
        )
    return DataLocation(directory, pattern, files, min(3, steady - 1), column)


def _single(directory: str, file: str) -> DataLocation:
    if not suffix(file):
        raise UsageError(f"--data {file}: unsupported file type; legal suffixes: {', '.join(TABLES)}")
    return DataLocation(directory, file, tuple(find_spans(directory, file)), 0)


def _pattern(data: str, names: list[str]) -> str:
    """The pattern of all names; InputError if they have none in common."""
    groups: dict[tuple[str, ...], list[list[str]]] = {}
    for name in names:
        stem = name[: len(name) - len(suffix(name))]  # the digit of .bz2 is not a span
        parts = re.split(r"(\d+)", stem)
        groups.setdefault((*parts[::2], name[len(stem) :]), []).append(parts[1::2])
    shown = []
    for (*texts, end), numbers in groups.items():
        moving = [place for place, values in enumerate(zip(*numbers, strict=True)) if len(set(values)) > 1]
        filled = ["{span}" if place in moving else number for place, number in enumerate(numbers[0])]
        pattern = "".join(text + number for text, number in zip(texts, [*filled, ""], strict=True)) + end
        if len(groups) == 1 and len(moving) == 1:
            return pattern
        shown.append(pattern if moving else "".join(texts) + end)
    found = ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")
    raise InputError(
        f"{data}: the names of its {len(names)} files differ in more than one number: {found}; "
        "a folder contains one series, such as span-1.csv, span-2.csv; or give a single file"
    )


def legal_name(data: str) -> str:
    """Derives the name of a dataset from a file or folder: Big Table.v2.csv.gz -> big_table_v2."""
    last = data.partition("?")[0].rstrip("/").rpartition("/")[2]
    last = Path.cwd().name if last in ("", ".", "..") else last
    end = suffix(last) or next((end for end in FILES if last.lower().endswith(end)), "")
    stem = last[: len(last) - len(end)]
    name = re.sub(r"[^a-z0-9-]+", "_", stem.lower()).strip("_-")
    return name if name[:1].isalpha() and name[:1].isascii() else f"data_{name}".rstrip("_")
