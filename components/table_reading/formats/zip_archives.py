"""Unpacks zip archives that contain one table."""

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.formats.registry import ZIP, suffix
from components.table_reading.read_limits import Limits
from components.table_reading.spans import SpanFile

CHUNK_BYTES = 1 << 20
SHOWN = 5
"""Maximum number of members named in a message."""


def member_name(filesystem: fs.FileSystem, file: SpanFile, limits: Limits) -> str:
    """The name of the table in an archive.

    Args:
      filesystem: Filesystem of the file.
      file: The archive.
      limits: Read limits.

    Raises:
      InputError: The file is not an archive, or does not contain exactly one table.
    """
    try:
        with filesystem.open_input_file(file.path) as stream, _archive(stream, file, limits) as archive:
            return _member(archive, file).filename
    except pa.ArrowInvalid as exc:
        raise InputError(f"{file.name}: is not a zip archive, or is truncated") from exc
    except (zipfile.BadZipFile, OSError, NotImplementedError) as exc:
        raise InputError(f"{file.name}: cannot be read as a zip archive ({shorten(str(exc))})") from exc


def unzip(filesystem: fs.FileSystem, file: SpanFile, folder: Path, limits: Limits) -> SpanFile:
    """Unpacks the table of an archive into `folder`, in blocks.

    Args:
      filesystem: Filesystem of the file.
      file: The archive.
      folder: Local target folder.
      limits: Read limits.

    Returns:
      The unpacked file, on the local filesystem.

    Raises:
      InputError: The archive does not contain exactly one table, is damaged or encrypted, or exceeds `max_expansion`.
    """
    try:
        with filesystem.open_input_file(file.path) as stream, _archive(stream, file, limits) as archive:
            member = _member(archive, file)
            if member.flag_bits & 1:
                raise InputError(f"{file.name}: {member.filename} is encrypted; unpack it and use the file itself")
            name = f"{file.name}, {shorten(member.filename)}"
            target = folder / f"member{suffix(member.filename)}"
            written = 0
            with archive.open(member) as packed, target.open("wb") as plain:
                while block := packed.read(CHUNK_BYTES):
                    written += len(block)
                    limits.check_expansion(name, written, member.compress_size)
                    plain.write(block)
    except pa.ArrowInvalid as exc:  # zipfile seeks to a negative offset in a file that is not an archive
        raise InputError(f"{file.name}: is not a zip archive, or is truncated") from exc
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError, RuntimeError) as exc:
        raise InputError(f"{file.name}: cannot be unpacked ({shorten(str(exc) or type(exc).__name__)})") from exc
    return replace(file, path=str(target), name=name, bytes=written)


def _archive(stream: pa.NativeFile, file: SpanFile, limits: Limits) -> zipfile.ZipFile:
    _check_directory(stream, file, limits)
    return zipfile.ZipFile(stream)


def _check_directory(stream: pa.NativeFile, file: SpanFile, limits: Limits) -> None:
    """Raises InputError for a huge central directory: zipfile creates an object for each member."""
    size = stream.size()
    start = max(size - (1 << 16) - 22, 0)
    stream.seek(start)
    tail = stream.read(size - start)
    stream.seek(0)
    if (at := tail.rfind(b"PK\x05\x06")) >= 0 and len(tail) >= at + 16:
        limits.check_header(file.name, int.from_bytes(tail[at + 12 : at + 16], "little"), "the archive's directory")


def _member(archive: zipfile.ZipFile, file: SpanFile) -> zipfile.ZipInfo:
    members = [one for one in archive.infolist() if not one.is_dir() and not _is_litter(one.filename)]
    if not members:
        raise InputError(f"{file.name}: the archive holds no file")
    if len(members) > 1:
        names = ", ".join(shorten(one.filename) for one in members[:SHOWN]) + (", ..." if members[SHOWN:] else "")
        raise InputError(
            f"{file.name}: the archive holds {len(members)} files, where one is expected: {names}; unpack it, and name "
            "one of them, or the folder if they are spans"
        )
    end = suffix(members[0].filename)
    if not end or end in ZIP.suffixes:
        raise InputError(f"{file.name}: holds {shorten(members[0].filename)}, an unsupported format")
    return members[0]


def _is_litter(name: str) -> bool:
    """Whether a member is metadata that macOS or Windows adds to archives."""
    path = PurePosixPath(name)
    return path.parts[0] == "__MACOSX" or path.name.startswith("._") or path.name in (".DS_Store", "Thumbs.db")
