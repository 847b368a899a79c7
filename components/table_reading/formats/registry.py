"""Registry of the file formats. A new format needs a module in this folder and an entry in FORMATS.

Readers, type inference, `init`, `drift`, error messages and the estimate of disk space take suffixes and functions from
this list. The modules of the formats are imported on use only, because every command needs the suffixes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError
from components.shared.images.decoding import SUFFIXES
from components.table_reading.formats.file_format import Batches, FileFormat, Types
from components.table_reading.read_limits import Limits
from components.table_reading.spans import SpanFile

if TYPE_CHECKING:
    from components.table_reading.cells.type_mismatches import FileTypeMismatches
    from components.table_reading.read_options import ReadOptions

COMPRESSED = ("", ".gz", ".zst", ".bz2")
"""Suffixes of compressed text files; decompression.py reads them."""

TEXT_AFTER = frozenset(b'\t\n\r ,;|"' + bytes(range(0x30, 0x7F)))
"""Bytes after PAR1 in a text that begins with these letters."""


def _read_csv(
    filesystem: fs.FileSystem, file: SpanFile, types: Types, mismatches: "FileTypeMismatches", options: "ReadOptions"
) -> Batches:
    from components.table_reading.csv.explained import read_explained

    return read_explained(filesystem, file, types, mismatches, options)


def _csv_strings(filesystem: fs.FileSystem, file: SpanFile, options: "ReadOptions", expected: Sequence[str]) -> Batches:
    from components.table_reading.csv.explained import explained_strings

    return explained_strings(filesystem, file, options, expected)


def _read_parquet(
    filesystem: fs.FileSystem, file: SpanFile, types: Types, mismatches: "FileTypeMismatches", options: "ReadOptions"
) -> Batches:
    from components.table_reading.formats.parquet import read_parquet

    return read_parquet(filesystem, file, types, mismatches, options.limits)


def _parquet_batches(
    filesystem: fs.FileSystem, file: SpanFile, options: "ReadOptions", _expected: Sequence[str]
) -> Batches:
    from components.table_reading.formats.parquet import parquet_batches

    return parquet_batches(filesystem, file, options.limits)


def _parquet_schema(source: pa.NativeFile, file: SpanFile, limits: Limits) -> pa.Schema:
    from components.table_reading.formats.parquet import open_parquet

    return open_parquet(source, file, limits).schema_arrow


def _parquet_complaint(head: bytes) -> str:
    return "" if head.startswith(b"PAR1") else "is not a Parquet file: it does not begin with PAR1"


def _read_ipc(
    filesystem: fs.FileSystem, file: SpanFile, types: Types, mismatches: "FileTypeMismatches", options: "ReadOptions"
) -> Batches:
    from components.table_reading.formats.arrow_ipc import read_ipc

    return read_ipc(filesystem, file, types, mismatches, options.limits)


def _ipc_batches(
    filesystem: fs.FileSystem, file: SpanFile, options: "ReadOptions", _expected: Sequence[str]
) -> Batches:
    from components.table_reading.formats.arrow_ipc import flat_ipc_batches

    return flat_ipc_batches(filesystem, file, options.limits)


def _ipc_schema(source: pa.NativeFile, file: SpanFile, limits: Limits) -> pa.Schema:
    from components.table_reading.formats.arrow_ipc import open_ipc

    return open_ipc(source, file, limits).schema


def _ipc_complaint(head: bytes) -> str:
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return ""
    older = "; it is Feather version 1, so write it as version 2" if head.startswith(b"FEA1") else ""
    return f"is neither an Arrow IPC file nor a stream{older}"


def _read_json_lines(
    filesystem: fs.FileSystem, file: SpanFile, types: Types, mismatches: "FileTypeMismatches", options: "ReadOptions"
) -> Batches:
    from components.table_reading.formats.json_lines import read_json_lines

    return read_json_lines(filesystem, file, types, mismatches, options)


def _json_batches(
    filesystem: fs.FileSystem, file: SpanFile, options: "ReadOptions", _expected: Sequence[str]
) -> Batches:
    from components.table_reading.formats.json_lines import json_batches

    return json_batches(filesystem, file, options.limits)


def _read_tfrecords(
    filesystem: fs.FileSystem, file: SpanFile, types: Types, mismatches: "FileTypeMismatches", options: "ReadOptions"
) -> Batches:
    from components.table_reading.formats.tfrecord import read_tfrecords

    return read_tfrecords(filesystem, file, types, mismatches, options.limits)


CSV = FileFormat(
    "CSV",
    tuple(name + packed for name in (".csv", ".tsv") for packed in COMPRESSED),
    "all",
    _read_csv,
    _csv_strings,
)
PARQUET = FileFormat(
    "Parquet",
    (".parquet", ".pq"),
    "none",
    _read_parquet,
    _parquet_batches,
    _parquet_schema,
    "Parquet data",
    lambda head: head.startswith(b"PAR1") and len(head) > 4 and head[4] not in TEXT_AFTER,
    _parquet_complaint,
    disk_factor=4.0,
)
ARROW_IPC = FileFormat(
    "Arrow IPC",
    (".arrow", ".feather", ".ipc"),
    "none",
    _read_ipc,
    _ipc_batches,
    _ipc_schema,
    "Arrow data",
    lambda head: head.startswith(b"ARROW1\0\0"),
    _ipc_complaint,
)
JSON_LINES = FileFormat(
    "JSON lines",
    tuple(name + packed for name in (".jsonl", ".ndjson") for packed in COMPRESSED),
    "strings",
    _read_json_lines,
    _json_batches,
)
ZIP = FileFormat(
    "zip archive",
    (".zip",),
    data_name="a zip archive or a spreadsheet",
    recognises=lambda head: head.startswith(b"PK\x03\x04"),
)
SPREADSHEET = FileFormat("spreadsheet", (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "all")
TFRECORD = FileFormat("TFRecord", (".tfrecord", ".tfrecord.gz"), "none", _read_tfrecords)

IMAGE = FileFormat("image", SUFFIXES, disk_factor=2.5)
"""A file per row; image_folders.py makes a table of a folder of them."""

FORMATS = (CSV, PARQUET, ARROW_IPC, JSON_LINES, SPREADSHEET, ZIP, TFRECORD)
"""All file formats, in the order of messages."""

TABLES = tuple(end for one in FORMATS if one is not TFRECORD for end in one.suffixes)
"""Suffixes of tables; TFRecord files, which contain examples, are separate."""

ALL = tuple(end for one in FORMATS for end in one.suffixes)


def find_format(name: str) -> FileFormat | None:
    """Returns the format of a file by the suffix of its name or path; None if no format has it."""
    lower = name.lower()
    return next((one for one in (*FORMATS, IMAGE) if lower.endswith(one.suffixes)), None)


def format_of(file: SpanFile) -> FileFormat:
    """Returns the format of a file, or of its first part; all parts of a span share a format.

    Raises:
      InputError: No format has its suffix.
    """
    found = find_format(_path(file))
    if found is None:
        raise InputError(f"{file.name}: unknown file format; legal suffixes: {legal_suffixes()}")
    return found


def legal_suffixes() -> str:
    """Lists the suffixes of all formats, for messages."""
    return f"{', '.join(ALL)}; a .zip archive contains one file with one of the others"


def has_schema(file: SpanFile) -> bool:
    """Whether a file has an Arrow schema that can be read without its rows, such as Parquet."""
    found = find_format(_path(file))
    return found is not None and found.read_schema is not None


def is_csv(file: SpanFile) -> bool:
    """Whether a file is CSV, whose dialect and notations must be detected."""
    return find_format(_path(file)) is CSV


def is_sheet(file: SpanFile) -> bool:
    """Whether a file is a spreadsheet."""
    return find_format(_path(file)) is SPREADSHEET


def is_image_folder(file: SpanFile) -> bool:
    """Whether a span is a folder of image files."""
    return bool(file.parts) and find_format(_path(file)) is IMAGE


def has_texts(file: SpanFile) -> bool:
    """Whether types of a file must be inferred from texts: CSV, spreadsheets, JSON lines."""
    found = find_format(_path(file))
    return found is not None and found.inferred_types != "none"


def suffix(name: str) -> str:
    """The longest supported suffix of the name of a table; "" if there is none."""
    return max((end for end in TABLES if name.lower().endswith(end)), key=len, default="")


def _path(file: SpanFile) -> str:
    return file.parts[0].path if file.parts else file.path
