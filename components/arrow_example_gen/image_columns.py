"""Image columns of a table: reads the files that they name, checks every image, and adds its statistics as columns.

A value of an image column is an encoded image (Parquet, TFRecord, a database) or the path of an image file, relative to
the folder of its table. The examples hold the encoded image in both cases, and for each column the numeric columns
`<image column>: brightness` and so on, see components/shared/images/image_statistics.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from components.arrow_example_gen.image_files import ImageFiles
from components.shared.images.decoding import (
    MAX_PIXELS,
    STATISTICS_SIDE,
    ImageError,
    as_png,
    decoded,
    image_format,
    is_servable,
    open_image,
)
from components.shared.images.statistic_names import INTEGERS, PARTS, column_name, statistics_columns
from components.table_reading.cells.type_mismatches import FileTypeMismatches, TypeMismatch, shorten

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
        if is_servable(image):
            decoded(image, STATISTICS_SIDE)
            if not _is_decodable(content):
                raise ImageError(f"is a damaged {image.format} file")
            kept = content
        else:
            kept = as_png(decoded(image))
        return _Loaded(kept, image_statistics(image, size), path, content if path else b"")
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
