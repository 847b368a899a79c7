"""Collects type mismatches of a file, or raises an error for the first, by policy."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.shared.errors import InputError
from components.table_reading.cells.notation import PLAIN, Notation
from components.table_reading.column_types import type_name

LONGEST = 300
"""Maximum number of characters in a message that come from a file or a library."""


@dataclass(frozen=True)
class TypeMismatch:
    """Type mismatches, or infinite numbers, in one column of one file; the values became missing.

    Attributes:
      file: Path or URL of the file, for messages.
      column: Name of the column.
      count: Number of such values in the file.
      row: Row of the first one, from 1; in a CSV file the header is row 1.
      value: The first one, shortened.
      kind: "misfit" for type mismatches, "infinite", or "no_time" for rows without a value in the time column.
    """

    file: str
    column: str
    count: int
    row: int
    value: str
    kind: str = "misfit"


class FileTypeMismatches:
    """Collects the type mismatches of one file: `block` raises an error for the first, `warn` counts all."""

    def __init__(self, file: str, policy: str, header_row: int = 0, notation: Notation = PLAIN) -> None:
        """Starts an empty collection.

        Args:
          file: Path or URL of the file, for messages.
          policy: "block" or "warn"; setting [data] on_type_mismatch.
          header_row: Line of the header, from 1; 0 for formats without a header line.
          notation: Notation of the file's cells.
        """
        self.notation = notation
        self.file = file
        self.policy = policy
        self.first_row = header_row + 1
        self._found: dict[str, TypeMismatch] = {}

    @property
    def per_column(self) -> list[TypeMismatch]:
        """One entry per column, in order of first occurrence."""
        return list(self._found.values())

    def note(self, column: str, values: pa.Array, lost: pa.BooleanArray, before: int, type_: pa.DataType) -> None:
        """Adds the type mismatches of a column in one batch.

        Args:
          column: Name of the column.
          values: The column as in the file, [N].
          lost: Whether each value is a type mismatch, bool [N], at least one.
          before: Number of rows of the file before this batch.
          type_: Type of the column in the schema.

        Raises:
          InputError: The policy is "block".
        """
        rows = np.flatnonzero(lost.to_numpy(zero_copy_only=False))
        first = int(rows[0])
        row, value = before + first + self.first_row, _shown(values[first])
        if self.policy == "block":
            quoted = value if _is_bare(values.type) else f"'{value}'"
            self.refuse(column, row, f"invalid value {quoted} where the schema says {type_name(type_)}")
        known = self._found.get(column)
        self._found[column] = (
            TypeMismatch(self.file, column, known.count + len(rows), known.row, known.value)
            if known
            else TypeMismatch(self.file, column, len(rows), row, value)
        )

    def refuse(self, column: str, row: int, reason: str) -> None:
        """Raises InputError for one cell, independent of the policy.

        Args:
          column: Name of the column.
          row: Row number.
          reason: Description of the error.
        """
        header = f" (the header is row {self.first_row - 1})" if self.first_row > 1 else ""
        raise InputError(f"{self.file}: column '{column}', row {row}{header}: {shorten(reason)}")


def shorten(message: str) -> str:
    """Replaces line breaks and control characters by spaces and shortens a text to about LONGEST characters."""
    printable = "".join(character if character.isprintable() else " " for character in message)
    return printable if len(printable) <= LONGEST else f"{printable[:200]} ... {printable[-40:]}"


def _shown(cell: pa.Scalar) -> str:
    try:
        value = cell.as_py()
    except (ValueError, OverflowError):  # a date that Python cannot hold
        value = str(cell)
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return shorten(text if len(text) <= LONGEST else f"{text[:100]} ... {text[-10:]}")


def _is_bare(type_: pa.DataType) -> bool:
    """Whether values of the type appear in messages without quotes."""
    return pa.types.is_primitive(type_) or pa.types.is_decimal(type_) or pa.types.is_nested(type_)
