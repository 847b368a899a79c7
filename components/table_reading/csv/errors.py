"""Rewrites the messages of Arrow's CSV reader with column names and row numbers."""

import re

from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.read_limits import Limits


def explain(message: str, names: list[str], limits: Limits, header_row: int = 1) -> str:
    """Rewrites a message of Arrow's CSV reader in one line.

    Args:
      message: Arrow's message.
      names: Columns of the file, to replace Arrow's column numbers.
      limits: Read limits, which the message may cite.
      header_row: Line of the header, from 1. Arrow counts the header as row 1; rows are renumbered from here. Blank
        lines are not counted.
    """
    the_header = f"(the header is row {header_row})"
    open_quote = message.count('"') % 2 == 1
    message = shorten(message)
    if "Empty CSV file" in message:
        return "holds no rows"
    if "straddling object straddles two block boundaries" in message:
        return (
            f"a row is longer than [data] max_line_bytes allows ({limits.max_line_bytes:,}), or a quote is not closed"
        )
    column = re.match(r"In CSV column #(\d+): (?:Row #(\d+): )?(.*)", message)
    if column is None:
        ragged = re.match(r"CSV parse error: (?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", message)
        if ragged is not None:
            hint = "; a quote is not closed?" if open_quote else ""
            more = int(ragged[3]) - int(ragged[2])
            hint = hint or ("; do the rows end in a delimiter?" if more == 1 and ragged[1] == "2" else "")
            row = int(ragged[1]) + header_row - 1 if ragged[1] else "?"
            return f"row {row} has {ragged[3]} cells where the header has {ragged[2]} {the_header}{hint}"
        return message
    index, row, reason = int(column[1]), column[2], column[3]
    place = f"column '{names[index]}'" if index < len(names) else f"column {index + 1}"
    if row is not None:
        place += f", row {int(row) + header_row - 1} {the_header}"
    value = re.search(r"conversion error to ([\w\[\]]+): (.*)", reason)
    return f"{place}: {value[2]} where the schema says {value[1]}" if value else f"{place}: {reason}"
