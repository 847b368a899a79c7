"""Reads a span of any format as a stream of typed Arrow record batches: the common entry point of all readers."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError
from components.shared.spellings.canonical_spellings import canonical
from components.table_reading.cells.type_mismatches import FileTypeMismatches, TypeMismatch, shorten
from components.table_reading.databases.database import Database
from components.table_reading.databases.queries import read_query
from components.table_reading.formats.image_folders import read_image_folder
from components.table_reading.formats.registry import ALL, FORMATS, SPREADSHEET, ZIP, format_of, is_image_folder
from components.table_reading.formats.staging import staged
from components.table_reading.hive_partitions import part_files, with_columns, without_columns
from components.table_reading.locations import Place
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile

COMPRESSIONS = ((b"\x1f\x8b", ".gz", "gzip"), (b"\x28\xb5\x2f\xfd", ".zst", "zstd"), (b"BZh", ".bz2", "bzip2"))
"""First bytes of a compressed file, its suffix, and its name in messages."""

DEFAULT = ReadOptions()


def read_batches(
    place: Place,
    file: SpanFile,
    types: dict[str, pa.DataType],
    options: ReadOptions = DEFAULT,
    mismatches: list[TypeMismatch] | None = None,
) -> Generator[pa.RecordBatch, None, None]:
    """Streams the rows of a span, in order, with the columns and types of the schema.

    In a CSV file an unquoted cell that is in `options.missing` is missing, a quoted one never; `""` is an empty string.
    Columns that are not in the schema follow the others, so that the schema check reports them: as strings from
    formats without types, otherwise as the nearest supported type. Spelling variants are replaced by their canonical
    values (`options.spellings`).

    Args:
      place: Filesystem or database of the span.
      file: The span: a file whose suffix tells its format, a span of several files, or a query.
      types: Column -> Arrow type, one of those of `column_types.arrow_types`.
      options: Read options: notation of cells, policy for type mismatches, limits.
      mismatches: Under the policy `warn`, receives one entry per column with type mismatches after the last batch.

    Yields:
      Record batches of at most `max_line_bytes` of text or 65,536 rows, with the columns in the schema's order, then
      those that are not in the schema.

    Raises:
      InputError: The file is unreadable, empty or damaged, has ragged rows, a missing or duplicated column or invalid
        UTF-8; or, under the policy `block`, the first type mismatch.
    """
    if is_image_folder(file):
        found = FileTypeMismatches(file.name, options.on_type_mismatch)
        for batch in read_image_folder(file, types, found):
            yield canonical(batch, options.spellings) if options.spellings else batch
        if mismatches is not None:
            mismatches.extend(found.per_column)
        return
    if file.parts:
        for part, one in zip(file.parts, part_files(file), strict=True):
            for batch in read_batches(place, one, without_columns(types, part), options, mismatches):
                whole = with_columns(batch, part, types)
                yield canonical(whole, options.spellings) if options.spellings else whole
        return
    if options.renamed:
        yield from _renamed(place, file, types, options, mismatches)
        return
    found = FileTypeMismatches(file.name, options.on_type_mismatch, notation=options.notation)
    rows = 0
    try:
        if isinstance(place, Database):
            batches = read_query(place, file, types, found, options)
        else:
            batches = _file(place, file, types, options, found)
        for batch in batches:
            rows += batch.num_rows
            yield canonical(batch, options.spellings) if options.spellings else batch
    except (pa.ArrowException, OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{found.file}: {_explain(exc)}") from exc
    if rows == 0:
        raise InputError(f"{found.file}: holds no rows")
    if mismatches is not None:
        mismatches.extend(found.per_column)


def _renamed(
    place: Place,
    file: SpanFile,
    types: dict[str, pa.DataType],
    options: ReadOptions,
    mismatches: list[TypeMismatch] | None,
) -> Iterator[pa.RecordBatch]:
    """Streams a span in which columns may still have their former names (`options.renamed`)."""
    plain = replace(options, renamed={}, spellings={})
    with closing(read_batches(place, file, {}, replace(plain, on_type_mismatch="warn"))) as look:
        there = set(next(look).schema.names)
    former = {old: new for new, old in options.renamed.items() if old in there and new not in there}
    names = {new: old for old, new in former.items()}
    by_former_name = {names.get(name, name): type_ for name, type_ in types.items()}
    for batch in read_batches(place, file, by_former_name, plain, mismatches):
        batch = batch.rename_columns([former.get(name, name) for name in batch.schema.names])
        yield canonical(batch, options.spellings) if options.spellings else batch


def _file(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    options: ReadOptions,
    found: FileTypeMismatches,
) -> Iterator[pa.RecordBatch]:
    check_file(filesystem, file)
    with staged(filesystem, file, options) as (inner, content, how):
        if content is not file:
            check_file(inner, content)
        found.file = content.name
        read = format_of(content).read
        if read is None:
            raise InputError(f"{content.name}: is a container in a container; unpack it")
        yield from read(inner, content, types, found, how)


def check_file(filesystem: fs.FileSystem, file: SpanFile) -> None:
    """Raises InputError unless the file exists, is not empty, and its first bytes match the suffix of its name."""
    path = file.path.lower()
    kind = format_of(file)
    info = filesystem.get_file_info(file.path)
    if info.type == fs.FileType.NotFound:
        raise InputError(f"{file.name}: no such file, or a broken link")
    if info.type == fs.FileType.Directory:
        raise InputError(f"{file.name}: is a folder where a file is expected")
    if info.size == 0:
        raise InputError(f"{file.name}: is empty")
    with filesystem.open_input_stream(file.path, compression=None) as stream:
        head = stream.read(10)
    what, right = _recognised(head)
    if right and not path.endswith(right):
        raise InputError(f"{file.name}: holds {what}; rename it so that it ends in {right[0]}")
    if complaint := kind.complaint(head):
        raise InputError(f"{file.name}: {complaint}")


def _recognised(head: bytes) -> tuple[str, tuple[str, ...]]:
    """The format that the first bytes of a file prove, for messages, and its legal suffixes; "" if unknown."""
    for known in FORMATS:
        if known.recognises and known.recognises(head):
            return known.data_name, known.suffixes if known is not ZIP else (*ZIP.suffixes, *SPREADSHEET.suffixes)
    for magic, end, name in COMPRESSIONS:
        if head.startswith(magic) and (end != ".bz2" or head[4:10] == b"1AY&SY"):  # a text may begin with BZh
            return f"{name} data", tuple(suffix for suffix in ALL if suffix.endswith(end))
    return "", ()


def _explain(error: Exception) -> str:
    message = " ".join(str(error).split())
    if isinstance(error, PermissionError):
        return "may not be read (permission denied)"
    return shorten(message) if message else f"cannot be read ({type(error).__name__})"
