"""The notation of cells: date formats, list separators and number notations by column."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from components.table_reading.cells.number_notation import NumberNotation


@dataclass(frozen=True)
class Notation:
    """The notation of cells, by column, from the settings of the same names in [data].

    Attributes:
      date_format: Column -> format of its dates.
      list_separator: Column -> separator between the items of a list.
      numbers: Column -> notation of its numbers.
      all_numbers: Number notation of all other columns; None for the plain notation (1234.5).
      latest_year: Column of dates -> latest year that a two-digit year can mean.
    """

    date_format: Mapping[str, str] = field(default_factory=dict, hash=False)
    list_separator: Mapping[str, str] = field(default_factory=dict, hash=False)
    numbers: Mapping[str, "NumberNotation"] = field(default_factory=dict, hash=False)
    all_numbers: "NumberNotation | None" = None
    latest_year: Mapping[str, int] = field(default_factory=dict, hash=False)

    def number_of(self, name: str) -> "NumberNotation | None":
        """The number notation of a column; None for the plain notation (1234.5)."""
        return self.numbers.get(name) or self.all_numbers

    def needs_text(self, name: str, type_: pa.DataType) -> bool:
        """Whether a column must be read as text and parsed by this package, since Arrow cannot parse its notation."""
        is_of_time = pa.types.is_timestamp(type_) or pa.types.is_time(type_) or pa.types.is_duration(type_)
        if self.number_of(name) is not None and (pa.types.is_int64(type_) or pa.types.is_float64(type_)):
            return True
        return is_of_time or pa.types.is_list(type_) or (name in self.date_format and pa.types.is_date(type_))


PLAIN = Notation()
