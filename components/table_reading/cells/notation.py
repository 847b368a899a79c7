"""How the cells of a table are written, where they do not say so themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from components.table_reading.cells.number_notation import NumberNotation


@dataclass(frozen=True)
class Notation:
    """How cells are written, by column: `date_format`, `list_separator`, `numbers` and `latest_year` of [data]."""

    date_format: Mapping[str, str] = field(default_factory=dict, hash=False)
    list_separator: Mapping[str, str] = field(default_factory=dict, hash=False)
    numbers: Mapping[str, "NumberNotation"] = field(default_factory=dict, hash=False)
    all_numbers: "NumberNotation | None" = None
    latest_year: Mapping[str, int] = field(default_factory=dict, hash=False)

    def number_of(self, name: str) -> "NumberNotation | None":
        """How a column's numbers are written; None if as programs write them."""
        return self.numbers.get(name) or self.all_numbers

    def needs_text(self, name: str, type_: pa.DataType) -> bool:
        """Whether a column is read as text and parsed here, because Arrow's own reader does not know its notation."""
        is_of_time = pa.types.is_timestamp(type_) or pa.types.is_time(type_) or pa.types.is_duration(type_)
        if self.number_of(name) is not None and (pa.types.is_int64(type_) or pa.types.is_float64(type_)):
            return True
        return is_of_time or pa.types.is_list(type_) or (name in self.date_format and pa.types.is_date(type_))


PLAIN = Notation()
