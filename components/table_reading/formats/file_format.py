"""The description of a file format: what `registry.py` lists."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import pyarrow as pa
from pyarrow import fs

from components.table_reading.read_limits import Limits
from components.table_reading.spans import SpanFile

if TYPE_CHECKING:
    from components.table_reading.cells.type_mismatches import FileTypeMismatches
    from components.table_reading.read_options import ReadOptions

Batches: TypeAlias = Iterator[pa.RecordBatch]
Types: TypeAlias = dict[str, pa.DataType]


def _nothing_wrong(_head: bytes) -> str:
    return ""


@dataclass(frozen=True)
class FileFormat:
    """A file format, or a container (zip archive, spreadsheet) that `staging.py` converts to one.

    Attributes:
      name: Name in messages.
      suffixes: Lower-case suffixes of the file names; the first is recommended in messages.
      inferred_types: Columns whose types are inferred from their texts: all, those of strings, or none if the file
        stores types.
      read: (filesystem, file, types, type mismatches, read options) -> batches with the schema's types, see
        `readers.read_batches`. None for a container.
      read_untyped: (filesystem, file, read options, expected columns) -> batches with the file's own types, see
        `untyped_batches.span_batches`. None for a container, and for a format whose columns cannot be inferred.
      read_schema: (opened file, file, limits) -> Arrow schema, without reading rows. None if the file has none.
      data_name: What the content is called where the suffix is wrong: "holds ...; rename it".
      recognises: Whether the first 10 bytes prove that a file has the format, whatever its suffix is.
      complaint: First 10 bytes -> why a file with the suffix is not of the format; "" if it may be.
      disk_factor: Bytes that a run writes per byte of the file.
    """

    name: str
    suffixes: tuple[str, ...]
    inferred_types: Literal["all", "strings", "none"] = "none"
    read: "Callable[[fs.FileSystem, SpanFile, Types, FileTypeMismatches, ReadOptions], Batches] | None" = None
    read_untyped: "Callable[[fs.FileSystem, SpanFile, ReadOptions, Sequence[str]], Batches] | None" = None
    read_schema: Callable[[pa.NativeFile, SpanFile, Limits], pa.Schema] | None = None
    data_name: str = ""
    recognises: Callable[[bytes], bool] | None = None
    complaint: Callable[[bytes], str] = _nothing_wrong
    disk_factor: float = 1.5
