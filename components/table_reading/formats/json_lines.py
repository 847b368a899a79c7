"""Reads JSON lines (one object per line) as typed record batches, in blocks.

Arrow's reader parses each block. If it fails (a column with numbers and texts, a line that is not an object), Python's
json parses the block, accepts mixed values and names the row of an invalid one. Since any row may lack a key, a first
pass over the file collects keys and types.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs
from pyarrow import json as pa_json
from pyarrow import types as is_

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import FileTypeMismatches, shorten
from components.table_reading.cells.weak_types import typed_columns
from components.table_reading.column_matching import carried, unknown_names
from components.table_reading.formats.decompression import Unpacked
from components.table_reading.formats.json_types import MixedObjects, as_json, converted, flat, type_of, unified
from components.table_reading.read_limits import Limits
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile

BLOCK_BYTES = 4 << 20
BATCH_ROWS = 1 << 16
_BOM = b"\xef\xbb\xbf"


def read_json_lines(
    filesystem: fs.FileSystem,
    file: SpanFile,
    types: dict[str, pa.DataType],
    mismatches: FileTypeMismatches,
    options: ReadOptions,
) -> Iterator[pa.RecordBatch]:
    """Streams a file of JSON lines; see `readers.read_batches`.

    Args:
      filesystem: Filesystem of the file.
      file: A file of JSON lines, which may be compressed.
      types: Column -> type, from the schema.
      mismatches: Collects the type mismatches.
      options: Read options; texts of `missing` become null.

    Raises:
      InputError: A row is not a JSON object or a column is missing; or, under the policy "block", the first type
        mismatch.
    """
    wanted, before = None, 0
    for batch in json_batches(filesystem, file, options.limits):
        wanted = wanted or carried(file.name, batch.schema, types)
        yield typed_columns(batch, wanted, before, mismatches, options.missing)
        before += batch.num_rows


def json_batches(filesystem: fs.FileSystem, file: SpanFile, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Streams the rows with their own types: numbers, booleans, texts, and lists of them; nested objects are flattened.

    Args:
      filesystem: Filesystem of the file.
      file: A file of JSON lines, which may be compressed.
      limits: Read limits.

    Yields:
      Batches of at most 65,536 rows, each with all columns of the file.

    Raises:
      InputError: A row is not a JSON object, or a column mixes objects with other values or holds lists of objects.
    """
    schema = _schema(filesystem, file, limits)
    before = 0
    for block in _blocks(filesystem, file, limits):
        try:
            parsed = _parsed(block, schema)
        except pa.ArrowInvalid:
            rows = [_known(row, schema) for row in _objects(block, file, before)]
            parsed = pa.Table.from_pylist(rows, schema)
        for batch in parsed.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
            before += batch.num_rows
            yield flat(batch)


def _schema(filesystem: fs.FileSystem, file: SpanFile, limits: Limits) -> pa.Schema:
    """Keys and types of all rows, with nested objects as structs."""
    found: dict[str, pa.DataType] = {}
    before = 0
    for block in _blocks(filesystem, file, limits):
        try:
            parsed = _parsed(block)
            if _holds_large(parsed):
                raise pa.ArrowInvalid("integers beyond int64")
            seen, rows = {field.name: as_json(field.type) for field in parsed.schema}, parsed.num_rows
            _unify(found, seen, file, before)
        except pa.ArrowInvalid:
            rows = 0
            for row in _objects(block, file, before):
                rows += 1
                try:
                    seen = {name: type_of(value, name) for name, value in row.items()}
                except MixedObjects as exc:
                    raise _mixed(file, str(exc), before + rows) from exc
                _unify(found, seen, file, before + rows)
        before += rows
        limits.check_columns(file.name, len(found))
    if not before:
        raise InputError(f"{file.name}: holds no rows")
    schema = pa.schema(list(found.items()))
    leaves = flat(pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)).schema
    limits.check_columns(file.name, len(leaves))
    unknown_names(file.name, leaves.names, leaves.names, "objects")
    for field in leaves:
        if is_.is_list(field.type) and is_.is_nested(field.type.value_type):
            inner = "lists" if is_.is_list(field.type.value_type) else "objects"
            raise InputError(
                f"{file.name}: column '{shorten(field.name)}' holds lists of {inner}, which cannot become columns; "
                "write the needed values as fields of their own"
            )
    return schema


def _unify(found: dict[str, pa.DataType], seen: dict[str, pa.DataType], file: SpanFile, row: int) -> None:
    for name, type_ in seen.items():
        try:
            found[name] = unified(found.get(name, pa.null()), type_, name)
        except MixedObjects as exc:
            raise _mixed(file, str(exc), row) from exc


def _mixed(file: SpanFile, column: str, row: int) -> InputError:
    return InputError(
        f"{file.name}: column '{shorten(column)}' holds objects or lists in some rows and single values in others, "
        f"from about row {max(row, 1):,} on; use one form in all rows"
    )


def _parsed(block: bytes, schema: pa.Schema | None = None) -> pa.Table:
    return pa_json.read_json(
        pa.BufferReader(block),
        read_options=pa_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
        parse_options=pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer"),
    )


def _holds_large(table: pa.Table) -> bool:
    """Whether floats reach 2^63: Arrow parses larger integers as float64, which may make different ones equal."""
    for column in table.columns:
        if is_.is_floating(column.type):
            size = pc.max(pc.abs(column)).as_py()
            if size is not None and size >= 2.0**63 and np.isfinite(size):
                return True
    return False


def _objects(block: bytes, file: SpanFile, before: int) -> Iterator[dict[str, Any]]:
    """The rows by Python's json; InputError names the row that is none."""
    row = before
    for line in block.split(b"\n"):
        if not line.strip():
            continue
        row += 1
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise InputError(f"{file.name}: row {row:,} is not JSON ({shorten(str(exc))})") from exc
        if not isinstance(value, dict):
            raise InputError(f"{file.name}: row {row:,} is not a JSON object but {shorten(str(value))[:40]}")
        yield value


def _known(row: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    return {field.name: converted(row.get(field.name), field.type) for field in schema}


def _blocks(filesystem: fs.FileSystem, file: SpanFile, limits: Limits) -> Iterator[bytes]:
    """Streams the bytes of a file in blocks of complete lines.

    Raises:
      InputError: A line is longer than `max_line_bytes`, or the file is UTF-16 or a JSON array.
    """
    held, first = b"", True
    try:
        with Unpacked(filesystem, file, limits) as stream:
            while chunk := stream.read(BLOCK_BYTES):
                if first:
                    chunk, first = _checked_start(chunk, file), False
                whole, line_break, rest = chunk.rpartition(b"\n")
                if line_break:
                    if (block := held + whole).strip():
                        yield block
                    held = rest
                else:
                    held += chunk
                if len(held) > limits.max_line_bytes:
                    raise InputError(
                        f"{file.name}: a line is longer than [data] max_line_bytes allows ({limits.max_line_bytes:,}); "
                        "each object has to be on one line"
                    )
    except (pa.ArrowException, OSError, EOFError) as exc:
        raise InputError(f"{file.name}: cannot be read ({shorten(' '.join(str(exc).split()))})") from exc
    if held.strip():
        yield held


def _checked_start(chunk: bytes, file: SpanFile) -> bytes:
    if chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{file.name}: is UTF-16; save it as UTF-8")
    chunk = chunk.removeprefix(_BOM)
    if chunk.lstrip()[:1] == b"[":
        raise InputError(f"{file.name}: is one JSON array; write one object a line, as `jq -c '.[]'` does")
    return chunk
