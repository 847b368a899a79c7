"""Read limits, which are checked before memory is allocated; each is a setting of [data]."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from components.shared.errors import InputError, UsageError


@dataclass(frozen=True)
class Limits:
    """Read limits of a file. The defaults are far above the tables for which training finishes within hours.

    Attributes:
      max_columns: Number of columns.
      max_header_bytes: Bytes of the header of a CSV file, the footer of a Parquet file, the schema of an Arrow file.
      max_line_bytes: Bytes of one row of a CSV file, including line breaks in quoted cells. CSV files are read in
        blocks of this size, so that a longer row may still be read if it ends in the next block; twice the size fails.
      max_expansion: Unpacked bytes per compressed byte, checked beyond EXPANSION_FLOOR unpacked bytes.
    """

    max_columns: int = 50_000
    max_header_bytes: int = 64 << 20
    max_line_bytes: int = 8 << 20
    max_expansion: int = 500

    def changed(self, settings: Sequence[str]) -> "Limits":
        """Applies command-line settings.

        Args:
          settings: Each `name=number`, number >= 1.

        Raises:
          UsageError: An unknown name or an invalid number; the message lists the legal names.
        """
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
        """Raises InputError if the file `name` has more than `max_columns` columns."""
        if columns > self.max_columns:
            raise InputError(
                f"{name}: has {columns:,} columns, more than [data] max_columns allows ({self.max_columns:,}); "
                "raise it, or split the table"
            )

    def check_header(self, name: str, size: int, what: str) -> None:
        """Raises InputError if a header is longer than `max_header_bytes`.

        Args:
          name: Name of the file, for the message.
          size: Bytes of the header.
          what: Kind of header, for the message, such as "the footer".
        """
        if size > self.max_header_bytes:
            raise InputError(
                f"{name}: {what} has {size:,} bytes, more than [data] max_header_bytes allows "
                f"({self.max_header_bytes:,}); raise it if the file is sound"
            )

    def check_expansion(self, name: str, unpacked: int, packed: int) -> None:
        """Raises InputError if the expansion ratio exceeds `max_expansion` (decompression bomb).

        Args:
          name: Name of the file, for the message.
          unpacked: Bytes unpacked so far; up to EXPANSION_FLOOR there is no check.
          packed: Compressed bytes read so far.
        """
        if unpacked > EXPANSION_FLOOR and unpacked > self.max_expansion * max(packed, 1):
            raise InputError(
                f"{name}: unpacks to more than {self.max_expansion:,} times its size ({unpacked >> 20:,} MiB from "
                f"{packed >> 10:,} KiB so far); raise [data] max_expansion if the file is sound"
            )


EXPANSION_FLOOR = 64 << 20
"""Unpacked bytes up to which the expansion ratio is not checked."""

DEFAULT_LIMITS = Limits()
