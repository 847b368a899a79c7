"""How numbers are written in a CSV file."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.settings.sections.section import ConfigSection

if TYPE_CHECKING:
    from components.table_reading.cells.number_notation import NumberNotation

Decimal = Literal[".", ","]
Thousands = Literal["", ",", ".", " ", "'", "_"]


class NumbersSection(ConfigSection):
    """How a column's numbers are written in a CSV file, where that is not as [data] says.

    With this table, also an empty one, a leading +, a trailing minus and negative numbers in brackets are read.
    """

    decimal: Decimal | None = None
    """Between the whole part and the fraction; as [data] says if it is left out."""
    thousands: Thousands | None = None
    """Between groups of three digits, where there are several; as [data] says if it is left out."""
    units: dict[str, Annotated[float, Field(gt=0)]] = {}
    """What may stand before or behind a number -> what the number is multiplied by."""

    def marks(self, decimal: str, thousands: str) -> tuple[str, str]:
        """Decimal mark and thousands separator; the arguments are what [data] says."""
        own = (self.decimal, self.thousands)
        return decimal if own[0] is None else own[0], thousands if own[1] is None else own[1]

    def notation(self, decimal: str, thousands: str) -> "NumberNotation":
        """As readers take it; the arguments are what [data] says."""
        from components.table_reading.cells.number_notation import (
            NumberNotation,
        )  # Arrow, which settings alone do not need

        return NumberNotation(*self.marks(decimal, thousands), dict(self.units))
