"""The tables [data.numbers.<column>]: number format of a column in CSV files."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.settings.sections.section import ConfigSection

if TYPE_CHECKING:
    from components.table_reading.cells.number_notation import NumberNotation

Decimal = Literal[".", ","]
Thousands = Literal["", ",", ".", " ", "'", "_"]


class NumbersSection(ConfigSection):
    """Number format of a column in CSV files, if it differs from [data].

    With this table, even an empty one, a leading +, a trailing minus and negative numbers in brackets are read.
    """

    decimal: Decimal | None = None
    """Decimal mark; the default is that of [data]."""
    thousands: Thousands | None = None
    """Thousands separator; the default is that of [data]."""
    units: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Unit before or after a number -> factor that the number is multiplied by."""

    def marks(self, decimal: str, thousands: str) -> tuple[str, str]:
        """Returns decimal mark and thousands separator; the arguments are those of [data]."""
        own = (self.decimal, self.thousands)
        return decimal if own[0] is None else own[0], thousands if own[1] is None else own[1]

    def notation(self, decimal: str, thousands: str) -> "NumberNotation":
        """Returns the number format for readers; the arguments are those of [data]."""
        from components.table_reading.cells.number_notation import (
            NumberNotation,
        )  # imports Arrow, which settings alone do not need

        return NumberNotation(*self.marks(decimal, thousands), dict(self.units))
