"""How the cells of a table are written, where they do not say so themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True)
class Notation:
    """How cells are written, by column: `date_format` and `list_separator` of [data]."""

    date_format: Mapping[str, str] = field(default_factory=dict, hash=False)
    list_separator: Mapping[str, str] = field(default_factory=dict, hash=False)

    def needs_text(self, name: str, type_: pa.DataType) -> bool:
        """Whether a column is read as text and parsed here, because Arrow's own reader does not know its notation."""
        is_of_time = pa.types.is_timestamp(type_) or pa.types.is_time(type_) or pa.types.is_duration(type_)
        return is_of_time or pa.types.is_list(type_) or (name in self.date_format and pa.types.is_date(type_))


PLAIN = Notation()
