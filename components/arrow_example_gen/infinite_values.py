"""Handles infinite numbers by policy: counts them and replaces them by null, or raises an error."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.table_reading.cells.type_mismatches import FileTypeMismatches, TypeMismatch

INFINITE = "infinite"
"""Value of TypeMismatch.kind for infinite numbers."""


def without_infinite(
    batches: Iterable[pa.RecordBatch], policy: str, file: FileTypeMismatches, mismatches: list[TypeMismatch] | None
) -> Iterator[pa.RecordBatch]:
    """Yields the batches of a file with infinite numbers replaced by null.

    Args:
      batches: All rows of the file, typed by the schema.
      policy: "missing" replaces and counts, "error" raises; setting [data] infinity.
      file: The file's name and row numbering, for messages.
      mismatches: Receives one entry per affected column after the last batch; None discards them.

    Raises:
      InputError: A number is infinite and the policy is "error".
    """
    found: dict[str, TypeMismatch] = {}
    before = 0
    for batch in batches:
        for place, name in enumerate(batch.schema.names):
            column = batch.column(place)
            if not pa.types.is_float64(column.type) or not len(column):
                continue
            infinite = pc.fill_null(pc.is_inf(column), False)
            if not pc.any(infinite).as_py():
                continue
            rows = np.flatnonzero(infinite.to_numpy(zero_copy_only=False))
            row, value = before + int(rows[0]) + file.first_row, str(column[int(rows[0])].as_py())
            if policy == "error":
                file.refuse(
                    name, row, f'is {value}; correct it, or count it as missing: set [data] infinity = "missing"'
                )
            known = found.get(name, TypeMismatch(file.file, name, 0, row, value, INFINITE))
            found[name] = replace(known, count=known.count + len(rows))
            finite = pc.if_else(infinite, pa.scalar(None, column.type), column)
            batch = batch.set_column(place, batch.schema.field(place), finite)
        before += batch.num_rows
        yield batch
    if mismatches is not None:
        mismatches.extend(found.values())
