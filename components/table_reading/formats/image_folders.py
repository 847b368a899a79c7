"""Folders of image files as a table: a row for each file.

The columns are `image` (the path below the data folder, which ingest replaces by the content), `file` (the same path,
which identifies the row) and those that the names of the folders give, such as the class.
"""

import hashlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.errors import InputError
from components.table_reading.cells.casting import fit, plain
from components.table_reading.cells.text_parsing import parse
from components.table_reading.cells.type_mismatches import FileTypeMismatches
from components.table_reading.column_matching import unknown_names
from components.table_reading.formats.registry import IMAGE, find_format
from components.table_reading.spans import SpanFile

IMAGE_COLUMN, FILE_COLUMN = "image", "file"
BATCH_ROWS = 1 << 12


def image_rows(file: SpanFile) -> Iterator[pa.RecordBatch]:
    """Streams the rows of a span of image files, all columns as strings.

    The order is that of a hash of the paths. That of the folders would put one class after the other, and what takes
    the last rows of a span for the newest would see one class only.

    Args:
      file: The span.

    Raises:
      InputError: A file has the suffix of no image, or a folder gives a column with a name that is taken.
    """
    mixed = sorted(file.parts, key=lambda part: hashlib.sha256(part.relative.encode()).digest())
    for start in range(0, len(mixed), BATCH_ROWS):
        parts = mixed[start : start + BATCH_ROWS]
        for part in parts:
            if find_format(part.path) is not IMAGE:
                raise InputError(
                    f"{part.name}: is no image file; legal suffixes: {', '.join(IMAGE.suffixes)}; remove it, or name "
                    "one suffix in [data] pattern"
                )
        columns = [column for column, _ in parts[0].values]
        if taken := {IMAGE_COLUMN, FILE_COLUMN}.intersection(columns):
            raise InputError(f"{file.name}: the column '{min(taken)}' of [data] pattern is taken; name it otherwise")
        paths = pa.array([part.relative for part in parts], pa.string())
        values = [pa.array([dict(part.values)[column] for part in parts], pa.string()) for column in columns]
        yield pa.RecordBatch.from_arrays([paths, paths, *values], [IMAGE_COLUMN, FILE_COLUMN, *columns])


def read_image_folder(
    file: SpanFile, types: dict[str, pa.DataType], mismatches: FileTypeMismatches
) -> Iterator[pa.RecordBatch]:
    """Streams the rows with the columns and types of the schema, then the columns that it does not name.

    Args:
      file: The span.
      types: Column -> Arrow type.
      mismatches: Collects folder names that do not fit their column's type.

    Raises:
      InputError: See `image_rows`; the schema has another column; or the first type mismatch, under the policy "block".
    """
    before = 0
    for batch in image_rows(file):
        more = unknown_names(file.name, batch.schema.names, types, "folder of images")
        found = []
        for name in (*types, *more):
            column, type_ = plain(batch.column(name)), types.get(name, pa.string())
            values = fit(column, type_) if type_ in (pa.string(), pa.binary()) else parse(column, type_)
            if values.null_count > column.null_count:
                mismatches.note(name, column, pc.and_(values.is_null(), column.is_valid()), before, type_)
            found.append(values)
        before += batch.num_rows
        yield pa.RecordBatch.from_arrays(found, [*types, *more])
