"""Values that do not fit their column's type: an error, or a counted finding, by policy."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.shared.errors import InputError
from components.table_reading.cells.notation import PLAIN, Notation
from components.table_reading.column_types import type_name

LONGEST = 300
"""Characters of a message that come from a file or a library."""


@dataclass(frozen=True)
class Misfit:
    """Values of one column of one file that were made missing because they are not of the column's type, or infinite.

    Attributes:
      file: Name of the file, as a person is shown it.
      column: Name of the column.
      count: How many such values the file has.
      row: Row of the first one; 1 is the first row, in a CSV file the header.
      value: The first one, shortened.
      kind: "misfit", "infinite", or "no_time" for rows that have no time of their own.
    """

    file: str
    column: str
    count: int
    row: int
    value: str
    kind: str = "misfit"


class FileMisfits:
    """What does not fit in one file: the first value is an error under `block`, all are counted under `warn`."""

    def __init__(self, file: str, policy: str, header_row: int = 0, notation: Notation = PLAIN) -> None:
        """Of the file of that name; `header_row` is 0 where it has none, `notation` says how its cells are written."""
        self.notation = notation
        self.file = file
        self.policy = policy
        self.first_row = header_row + 1
        self._found: dict[str, Misfit] = {}

    @property
    def found(self) -> list[Misfit]:
        """One entry a column, in the order in which they were met."""
        return list(self._found.values())

    def note(self, column: str, values: pa.Array, lost: pa.BooleanArray, before: int, type_: pa.DataType) -> None:
        """Takes down the values of one batch that were lost.

        Args:
          column: Name.
          values: The column as it is in the file, [N].
          lost: Which of them do not fit, [N], at least one.
          before: Rows of the file before this batch.
          type_: What the column should be.

        Raises:
          InputError: The policy is `block`.
        """
        rows = np.flatnonzero(lost.to_numpy(zero_copy_only=False))
        first = int(rows[0])
        row, value = before + first + self.first_row, _shown(values[first])
        if self.policy == "block":
            quoted = value if _is_bare(values.type) else f"'{value}'"
            self.refuse(column, row, f"invalid value {quoted} where the schema says {type_name(type_)}")
        known = self._found.get(column)
        self._found[column] = (
            Misfit(self.file, column, known.count + len(rows), known.row, known.value)
            if known
            else Misfit(self.file, column, len(rows), row, value)
        )

    def refuse(self, column: str, row: int, reason: str) -> None:
        """InputError for one cell, whatever the policy."""
        header = f" (the header is row {self.first_row - 1})" if self.first_row > 1 else ""
        raise InputError(f"{self.file}: column '{column}', row {row}{header}: {one_line(reason)}")


def one_line(message: str) -> str:
    """A message without what is in a cell by mistake: line breaks, control characters, a paragraph."""
    printable = "".join(character if character.isprintable() else " " for character in message)
    return printable if len(printable) <= LONGEST else f"{printable[:200]} ... {printable[-40:]}"


def _shown(cell: pa.Scalar) -> str:
    try:
        value = cell.as_py()
    except (ValueError, OverflowError):  # a date that Python cannot hold
        value = str(cell)
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return one_line(text if len(text) <= LONGEST else f"{text[:100]} ... {text[-10:]}")


def _is_bare(type_: pa.DataType) -> bool:
    """Whether a value is shown without quotes."""
    return pa.types.is_primitive(type_) or pa.types.is_decimal(type_) or pa.types.is_nested(type_)
