"""Image columns of a table: reads the files that they name, checks every image, and adds its statistics as columns.

A value of an image column is an encoded image (Parquet, TFRecord, a database) or the path of an image file, relative to
the folder of its table. The examples hold the encoded image in both cases, and for each column the numeric columns
`<image column>: brightness` and so on, see components/shared/images/image_statistics.py.
"""

import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import fs

from components.shared.images.decoding import (
    MAX_PIXELS,
    STATISTICS_SIDE,
    ImageError,
    decoded,
    image_format,
    is_native,
    open_image,
    servable,
)
from components.shared.images.statistic_names import INTEGERS, PARTS, column_name, statistics_columns
from components.table_reading.cells.type_mismatches import FileTypeMismatches, TypeMismatch, shorten
from components.table_reading.formats.registry import is_image_folder
from components.table_reading.spans import SpanFile

UNREADABLE = "unreadable_image"
"""Value of TypeMismatch.kind for images that cannot be used."""
READERS = 2
"""Threads that read and decode; file access and decoders release the GIL."""
GROUP_ROWS = 16
"""Rows whose images are read and decoded together."""
STEP_ROWS = 512
STEP_BYTES = 1 << 25
"""Maximum rows and, beyond one row, bytes of encoded images of a batch that is passed on."""


@dataclass(frozen=True)
class ImageOptions:
    """Options for the image columns of a source.

    Attributes:
      columns: Names of the image columns.
      max_pixels: Maximum number of pixels of an image.
      on_unreadable: `block` raises an error for the first image that cannot be used, `warn` counts them and makes
        them missing.
    """

    columns: tuple[str, ...] = ()
    max_pixels: int = MAX_PIXELS
    on_unreadable: str = "block"

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "ImageOptions":
        """Restores an instance from its `dataclasses.asdict` form, also after a round trip through JSON."""
        return cls(**{**fields, "columns": tuple(fields.get("columns", ()))})

    @property
    def derived(self) -> frozenset[str]:
        """Names of the columns of statistics."""
        return frozenset(statistics_columns(self.columns))


class ImageFiles:
    """Resolves and reads the files that image columns name, and keeps a digest of their contents.

    The digest belongs to the data fingerprint: an image file can change without its table.
    """

    def __init__(self, filesystem: fs.FileSystem | None, directory: str, table: SpanFile) -> None:
        """Prepares reading.

        Args:
          filesystem: Filesystem of the table; None for a database, whose rows hold encoded images only.
          directory: Path of the data folder in the filesystem, outside of which no file is read.
          table: The file of the table.
        """
        self._filesystem, self._root = filesystem, directory
        # A span of several files has no folder of its own; its paths are relative to the data folder.
        self._folder = directory if table.parts else posixpath.dirname(table.path)
        self.are_covered = is_image_folder(table)
        self._local = isinstance(filesystem, fs.LocalFileSystem)
        self._digest = hashlib.sha256()
        self._links: dict[str, bool] = {}
        self.paths: dict[str, None] = {}

    def read(self, path: str) -> bytes:
        """Returns the content of a file.

        Args:
          path: Path relative to the folder of the table.

        Raises:
          ImageError: The path leaves the data folder, or the file is missing or cannot be read.
        """
        where = self.resolve(path)
        try:
            if self._local:
                with open(where, "rb") as file:
                    return file.read()
            assert self._filesystem is not None
            with self._filesystem.open_input_stream(where, compression=None) as stream:
                content: bytes = stream.read()
                return content
        except (FileNotFoundError, NotADirectoryError):
            raise ImageError("no such file") from None
        except IsADirectoryError:
            raise ImageError("is a folder") from None
        except OSError as exc:
            raise ImageError(f"cannot be read ({exc.strerror or shorten(str(exc))})") from exc

    def resolve(self, path: str) -> str:
        """Returns the path in the filesystem; ImageError if it leaves the data folder."""
        if self._filesystem is None:
            raise ImageError("is a path, but rows of a database have to hold the encoded images")
        if "\0" in path:
            raise ImageError("is no path (it holds a NUL)")
        where = posixpath.normpath(posixpath.join(self._folder, path.replace("\\", "/")))
        if not _below(where, posixpath.normpath(self._root or ".")) or (self._local and not self._stays(where)):
            raise ImageError("is outside of the data folder")
        return where

    def _stays(self, where: str) -> bool:
        """Whether the links on a path end inside the data folder; links of a folder are followed once."""
        folder = os.path.dirname(where)
        if folder not in self._links:
            root = os.path.realpath(self._root or ".")
            real = os.path.realpath(folder)
            self._links[folder] = real == root or _below(real, root)
        if os.path.islink(where):
            return _below(os.path.realpath(where), os.path.realpath(self._root or "."))
        return self._links[folder]

    def state(self, paths: Iterable[str] | None = None) -> dict[str, str]:
        """Returns the size and the times of files by path, to notice a change without reading; "" for a missing one.

        Args:
          paths: Paths as in the table; None for those that were noted.
        """
        named = self.paths if paths is None else paths
        return {path: self._state(path) for path in named}

    def _state(self, path: str) -> str:
        try:
            where = self.resolve(path)
            if self._local:
                found = os.stat(where)
                return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
            assert self._filesystem is not None
            info = self._filesystem.get_file_info(where)
            return f"{info.size} {info.mtime_ns}" if info.type == fs.FileType.File else ""
        except (ImageError, OSError):
            return ""

    def note(self, path: str, content: bytes) -> None:
        """Adds a file to the digest; the order of the calls matters.

        The files of an image folder are those of the span, which the digest of the span covers.
        """
        if self.are_covered:
            return
        self.paths[path] = None
        self._digest.update(hashlib.sha256(content).digest())

    def sha256(self, table_sha256: str) -> str:
        """Returns the SHA-256 of the table and of all noted files, in hexadecimal; that of the table without any."""
        if not self.paths:
            return table_sha256
        return hashlib.sha256(f"{table_sha256} {self._digest.hexdigest()}".encode()).hexdigest()


def _below(path: str, folder: str) -> bool:
    return (folder in (".", "") and not path.startswith(("/", ".."))) or path.startswith(f"{folder.rstrip('/')}/")


@dataclass(frozen=True)
class _Loaded:
    """One image: `content` None where missing; `path` and the file's `original` content where it is a file."""

    content: bytes | None = None
    statistics: tuple[float, ...] | None = None
    path: str = ""
    original: bytes = b""
    problem: str = ""
    shown: str = ""


def with_images(
    batches: Iterable[pa.RecordBatch],
    options: ImageOptions,
    files: ImageFiles,
    about: FileTypeMismatches,
    mismatches: list[TypeMismatch] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yields the batches of a file with encoded images and their statistics, in pieces of at most STEP_BYTES.

    Args:
      batches: Rows of the file, in which image columns are binary, null where missing.
      options: Options of the image columns.
      files: Reads the files and keeps their digest.
      about: The file's name and row numbering, for messages.
      mismatches: Receives one entry per column with unreadable images after the last batch.

    Raises:
      InputError: An image cannot be used and the policy is `block`; names the file, the column and the row.
    """
    found: dict[str, TypeMismatch] = {}
    before, waiting, size = 0, list[pa.RecordBatch](), 0
    with ThreadPoolExecutor(READERS, "images") as pool:
        for piece in _groups(batches):
            for column in options.columns:
                values = piece.column(column).to_pylist()
                loaded = list(pool.map(lambda value: _load(value, files, options.max_pixels), values))
                for row, one in enumerate(loaded, before + about.first_row):
                    if one.path:
                        files.note(one.path, one.original)
                    if one.problem:
                        _complain(column, row, one, options, about, found)
                piece = _replaced(piece, column, loaded)
            before += piece.num_rows
            if waiting and (size + piece.nbytes > STEP_BYTES or len(waiting) * GROUP_ROWS >= STEP_ROWS):
                yield _together(waiting)
                waiting, size = [], 0
            if piece.nbytes > STEP_BYTES:
                yield from _by_bytes(piece, options.columns)
            else:
                waiting.append(piece)
                size += piece.nbytes
    if waiting:
        yield _together(waiting)
    if mismatches is not None:
        mismatches.extend(found.values())


def noted_images(
    batches: Iterable[pa.RecordBatch], options: ImageOptions, files: ImageFiles
) -> Iterator[pa.RecordBatch]:
    """Passes on batches and notes the image files that they name, in the order in which `with_images` does.

    A file that cannot be read counts as empty: ingest reports it, with its row.
    """
    if files.are_covered:
        yield from batches
        return
    with ThreadPoolExecutor(READERS, "images") as pool:
        for batch in batches:
            for piece in _groups([batch]):
                for column in options.columns:
                    values = piece.column(column).to_pylist()
                    for path, content in pool.map(lambda value: _file_of(value, files), values):
                        if path:
                            files.note(path, content)
            yield batch


def _file_of(value: bytes | None, files: ImageFiles) -> tuple[str, bytes]:
    if not value or image_format(value):
        return "", b""
    path = ""
    try:
        path = _path_of(value)
        return path, files.read(path)
    except ImageError:
        return path, b""


def _load(value: bytes | None, files: ImageFiles, max_pixels: int) -> _Loaded:
    from components.shared.images.image_statistics import image_statistics  # imports SciPy, which a cached run does not

    if not value:
        return _Loaded()
    path, content = "", value
    try:
        if not image_format(value):
            path = _path_of(value)
            content = files.read(path)
        image = open_image(content, max_pixels)
        size = image.size
        is_kept = is_native(content) and image.mode != "CMYK"
        converted = servable(content, decoded(image, STATISTICS_SIDE if is_kept else 0))
        if is_kept and not _is_decodable(content):
            raise ImageError(f"is a damaged {image.format} file")
        return _Loaded(converted, image_statistics(image, size), path, content if path else b"")
    except ImageError as exc:
        shown = path or f"{len(value):,} bytes"
        return _Loaded(None, None, path, content if path and content is not value else b"", str(exc), shown)


def _is_decodable(content: bytes) -> bool:
    from components.shared.images.pixels import (
        is_decodable,
    )  # imports TensorFlow, which tables without images do not need

    return is_decodable(content)


def _path_of(value: bytes) -> str:
    try:
        path = value.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ImageError("is neither an image nor a path") from None
    if len(path) > 4096 or not path.isprintable():
        raise ImageError("is neither an image nor a path")
    return path


def _complain(
    column: str,
    row: int,
    one: _Loaded,
    options: ImageOptions,
    about: FileTypeMismatches,
    found: dict[str, TypeMismatch],
) -> None:
    if options.on_unreadable == "block":
        hint = 'correct or remove it, or count it as missing: set [image] on_unreadable = "warn"'
        about.refuse(column, row, f"{shorten(one.shown)}: {one.problem}; {hint}")
    known = found.get(column)
    if known is None:
        known = TypeMismatch(about.file, column, 0, row, f"{shorten(one.shown)}: {one.problem}", UNREADABLE)
    found[column] = replace(known, count=known.count + 1)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Slices of at most GROUP_ROWS rows; the images of a slice are in memory at once, whatever their size."""
    for batch in batches:
        for start in range(0, batch.num_rows, GROUP_ROWS):
            yield batch.slice(start, GROUP_ROWS)


def _together(pieces: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    (batch,) = pa.Table.from_batches(pieces).combine_chunks().to_batches()
    return batch


def _by_bytes(batch: pa.RecordBatch, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    sizes = np.zeros(batch.num_rows, np.int64)
    for column in columns:
        sizes += np.array([len(value or b"") for value in batch.column(column).to_pylist()], np.int64)
    start = 0
    while start < batch.num_rows:
        total = np.cumsum(sizes[start:])
        count = max(int(np.searchsorted(total, STEP_BYTES, side="right")), 1)
        yield batch.slice(start, count)
        start += count


def _replaced(batch: pa.RecordBatch, column: str, loaded: Sequence[_Loaded]) -> pa.RecordBatch:
    """Sets the contents of an image column and appends its statistics, null where there is no image."""
    place = batch.schema.get_field_index(column)
    batch = batch.set_column(place, column, pa.array([one.content for one in loaded], pa.binary()))
    missing = np.array([one.statistics is None for one in loaded], bool)
    table = np.array([one.statistics or (0.0,) * len(PARTS) for one in loaded], np.float64).reshape(-1, len(PARTS))
    for at, part in enumerate(PARTS):
        kind = pa.int64() if part in INTEGERS else pa.float64()
        values = pa.array(table[:, at], pa.float64(), mask=missing).cast(kind)
        batch = batch.append_column(column_name(column, part), values)
    return batch
