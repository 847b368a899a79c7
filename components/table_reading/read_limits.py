"""Limits of what a file may ask for: checked before memory is spent, each a setting of [data]."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from components.shared.errors import InputError, UsageError


@dataclass(frozen=True)
class Limits:
    """What a file may hold at most. The defaults are far above any table that a run can learn from in hours.

    Attributes:
      max_columns: Columns.
      max_header_bytes: Bytes of a CSV file's header, of a Parquet file's footer, of an Arrow file's schema.
      max_line_bytes: Bytes of one row of a CSV file, line breaks in quoted cells included. A CSV file is read by blocks
        of this size, so a row that is longer may pass where it ends in the next block; of twice the size none does.
      max_expansion: Unpacked bytes for each compressed one, once more than EXPANSION_FLOOR are unpacked.
    """

    max_columns: int = 50_000
    max_header_bytes: int = 64 << 20
    max_line_bytes: int = 8 << 20
    max_expansion: int = 500

    def changed(self, settings: Sequence[str]) -> "Limits":
        """With settings of a command line, each `name=number`; UsageError names what is legal."""
        limits = self
        for setting in settings:
            name, _, number = setting.partition("=")
            if name not in (legal := [one.name for one in fields(self)]):
                raise UsageError(f"--read-limit {setting}: no such limit; legal: {', '.join(legal)}, as {legal[0]}=N")
            if not number.isdecimal() or int(number) < 1:
                raise UsageError(f"--read-limit {setting}: must be a whole number of at least 1, as {name}=N")
            limits = replace(limits, **{name: int(number)})
        return limits

    def check_columns(self, name: str, columns: int) -> None:
        """InputError if the file `name` has too many."""
        if columns > self.max_columns:
            raise InputError(
                f"{name}: has {columns:,} columns, more than [data] max_columns allows ({self.max_columns:,}); "
                "raise it, or split the table"
            )

    def check_header(self, name: str, size: int, what: str) -> None:
        """InputError if `what` of the file `name` has more bytes than max_header_bytes."""
        if size > self.max_header_bytes:
            raise InputError(
                f"{name}: {what} has {size:,} bytes, more than [data] max_header_bytes allows "
                f"({self.max_header_bytes:,}); raise it if the file is sound"
            )

    def check_expansion(self, name: str, unpacked: int, packed: int) -> None:
        """InputError if so many bytes came out of so few compressed ones that it must be a decompression bomb."""
        if unpacked > EXPANSION_FLOOR and unpacked > self.max_expansion * max(packed, 1):
            raise InputError(
                f"{name}: unpacks to more than {self.max_expansion:,} times its size ({unpacked >> 20:,} MiB from "
                f"{packed >> 10:,} KiB so far); raise [data] max_expansion if the file is sound"
            )


EXPANSION_FLOOR = 64 << 20
"""Bytes up to which the expansion of a file does not matter."""

DEFAULT_LIMITS = Limits()
