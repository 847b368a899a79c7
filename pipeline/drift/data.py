"""Data to compare: two files or folders of any kind that is read, brought to common column types."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import pyarrow as pa
from pyarrow import fs

from components.arrow_example_gen.columns import arrow_types
from components.arrow_example_gen.inferring import declared_types, is_binary, survey
from components.arrow_example_gen.limits import DEFAULT_LIMITS, Limits
from components.arrow_example_gen.misfits import Misfit
from components.arrow_example_gen.options import ReadOptions, detect_delimiter
from components.arrow_example_gen.reading import CSV, IPC, PARQUET, TFRECORD, read_batches
from components.arrow_example_gen.spans import SpanFile, open_folder
from components.errors import InputError, UsageError
from components.examples import example_batches

EXAMPLES = (*TFRECORD, ".gz")
"""Ends of the names of serialized tf.Examples; TFX names its own like data_tfrecord-00000-of-00001.gz."""


@dataclass(frozen=True)
class Side:
    """One of the two data sets.

    Attributes:
      name: Path or URL, as it was given.
      files: What is read, by name.
      types: Column -> type alias; empty for tf.Examples, which carry their own.
      options: How cells of a CSV are read.
      misfits: Filled while reading: values that are not of their column's type and count as missing.
    """

    name: str
    files: tuple[SpanFile, ...]
    types: Mapping[str, str]
    options: ReadOptions = field(default_factory=ReadOptions)
    misfits: list[Misfit] = field(default_factory=list)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, file after file."""
        filesystem, _ = open_folder(self.name)
        if not self.types:
            for file in self.files:
                yield from example_batches(file.name)
            return
        types = arrow_types(dict(self.types))
        for file in self.files:
            yield from read_batches(filesystem, file, types, self.options, self.misfits)


def open_sides(
    baseline: str,
    current: str,
    types: Mapping[str, str] | None = None,
    options: ReadOptions | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Side, Side]:
    """Looks at both data sets and settles how their columns are read.

    Args:
      baseline: A file, or a folder of files with the same columns.
      current: The same; its columns may be others.
      types: Column -> type alias where a schema says it; other columns are inferred, the same for both sides.
      options: How CSV is written; None finds out, the markers for missing values too.
      limits: Of what a file may hold.

    Raises:
      UsageError: Nothing there.
      InputError: What is there cannot be read.
    """
    sides = [_open(name, options, limits) for name in (baseline, current)]
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
            options=replace(side.options, missing=markers, misfits="warn", limits=limits),
        )
        for side in sides
    )
    return one, other


def _open(name: str, options: ReadOptions | None, limits: Limits) -> Side:
    filesystem, files = _files(name)
    if all(_is_examples(file.path) for file in files):
        return Side(name, files, {})
    if odd := [file for file in files if _is_examples(file.path)]:
        raise InputError(f"{odd[0].name}: tf.Examples among files of another kind; compare one kind at a time")
    if all(is_binary(file) for file in files) and (declared := declared_types(filesystem, files, limits)) is not None:
        return Side(name, files, declared, options or ReadOptions(limits=limits))
    if options is None:
        delimiter = "," if is_binary(files[0]) else detect_delimiter(filesystem, files[0], limits)
        found = survey(filesystem, files, ReadOptions(delimiter=delimiter, limits=limits), 0, find_markers=True)
    else:
        found = survey(filesystem, files, replace(options, limits=limits), 0)
    return Side(name, files, found.types, found.options)


def _files(name: str) -> tuple[fs.FileSystem, tuple[SpanFile, ...]]:
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
    if not files:
        raise UsageError(f"{name}: holds no file that can be read; they end in {_legal()}")
    return filesystem, tuple(files)


def _is_read(path: str) -> bool:
    return path.lower().endswith((*CSV, *PARQUET, *IPC)) or _is_examples(path)


def _is_examples(path: str) -> bool:
    name = PurePosixPath(path).name.lower()
    return name.endswith(EXAMPLES) and not name.endswith(CSV)


def _legal() -> str:
    return ", ".join((*CSV[:2], *PARQUET, *IPC, *TFRECORD))


def _common(one: str, other: str) -> str:
    """The type that holds both; texts hold everything."""
    if one == other:
        return one
    items = {one.removeprefix("list:"), other.removeprefix("list:")}
    wide = next(iter(items)) if len(items) == 1 else "string"
    for narrow, wider in (("bool", "int64"), ("int64", "float64"), ("date", "timestamp")):
        if items == {narrow, wider}:
            wide = wider
    return f"list:{wide}" if "list:" in one + other else wide
