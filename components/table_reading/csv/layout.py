"""Detects the extent of the table in a CSV file: lines above the header, comments, footer. Pure.

Detection is conservative: if the first line can be the header, it is taken as the header.
"""

import csv as text_csv
import re
from collections import Counter
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 200
"""Number of lines at the beginning of a file that are examined."""
MAX_ABOVE = 50
"""Maximum line number of a header."""
MAX_BELOW = 20
"""Maximum number of footer lines."""
COMMENT = "#"
_TOTAL = re.compile(
    r"^\W*(grand |sub-?|overall )?(totals?|totale?n?|sums?|summen?|gesamt(summe)?|insgesamt|average|mean|mittelwert|"
    r"total g[ée]n[ée]ral|"
    r"итого|合计|總計|总计)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"^[\s$€£¥(+-]*[0-9][0-9.,' _\u00a0]*([eE][+-]?[0-9]+)?[\s%€£)-]*$")


@dataclass(frozen=True)
class Layout:
    """The layout of a CSV file.

    Attributes:
      delimiter: Delimiter of the cells.
      header_row: Line of the header, from 1.
      skip_footer: Number of lines at the end that are not rows.
      comment: Prefix of comment lines; "" for none.
      header: Text of the header line, shortened; "" if it is line 1.
      footer: First line of the footer, shortened; "" for none.
      doubt: A possible problem with the header for which no setting is proposed; "" for none.
    """

    delimiter: str
    header_row: int = 1
    skip_footer: int = 0
    comment: str = ""
    header: str = ""
    footer: str = ""
    doubt: str = ""


def find_layout(head: str, tail: str, is_whole: bool, delimiter: str = "") -> Layout:
    """Detects the layout of a CSV file.

    Args:
      head: Beginning of the file, as text.
      tail: End of the file, as text; equal to `head` if `is_whole`.
      is_whole: Whether `head` is the whole file.
      delimiter: The delimiter if it is known; "" to detect it.
    """
    lines = head.splitlines()
    if not is_whole:
        lines = lines[:-1] or lines
    lines = lines[:LOOKED_AT]
    delimiter = delimiter or sniff_delimiter(head)
    rows = [_cells(line, delimiter) for line in lines]
    width = _usual([len(row) for row in rows if any(row)])
    comment = _comment(lines, rows, width)
    if _quoted_breaks(lines):
        return Layout(delimiter, comment=comment)  # rows span lines, so line-based detection does not apply
    rows = [[] if comment and line.startswith(comment) else row for line, row in zip(lines, rows, strict=True)]
    header_row, doubt = _header(rows, width)
    body = [row for row in rows[header_row:] if any(row)]
    footer = _footer(
        [_cells(line, delimiter) for line in tail.splitlines()], body, width, header_row if is_whole else 0
    )
    shown = lines[header_row - 1] if header_row > 1 else ""
    ends = [line for line in tail.splitlines() if line.strip(delimiter + ' \t"')]
    return Layout(delimiter, header_row, footer, comment, _shown(shown), _shown(ends[-footer]) if footer else "", doubt)


def sniff_delimiter(head: str) -> str:
    """Detects the delimiter of a CSV file from its first lines.

    Selects the delimiter that yields the most cells in the first line and the same number in at least 90 % of the
    lines. If there is none, because lines above the header are narrower, the one with the widest row that at least half
    of the lines share; "," if that fails, too.
    """
    found: dict[str, list[int]] = {}
    for delimiter in DELIMITERS:
        try:
            records = [row for row in text_csv.reader(head.splitlines(keepends=True), delimiter=delimiter) if row]
        except text_csv.Error:
            continue
        if records and any(cell.count('"') % 2 for cell in records[0]):
            continue  # the delimiter splits a quoted name
        # The last line of the head may be cut.
        found[delimiter] = [len(record) for record in (records[:-1] or records)[:LOOKED_AT]]
    best, most = ",", 1
    for delimiter, widths in found.items():
        if widths and widths[0] > most and widths.count(widths[0]) >= 0.9 * len(widths):
            best, most = delimiter, widths[0]
    if most > 1:
        return best
    for delimiter, widths in found.items():
        width, agree = max(Counter(widths).items(), key=lambda pair: pair[1], default=(0, 0))
        if width > most and agree >= max(2, 0.5 * len(widths)):
            best, most = delimiter, width
    return best


def _header(rows: list[list[str]], width: int) -> tuple[int, str]:
    """Line of the header, from 1, and a doubt about it; "" for none."""
    first = next((number for number, row in enumerate(rows, 1) if any(row)), 1)
    used = _used(rows, width)
    if _may_be_header(rows[first - 1] if rows else [], used):
        return 1, ""
    for number, row in enumerate(rows[:MAX_ABOVE], 1):
        below = [one for one in rows[number:] if any(one)]
        if (
            number > first
            and _may_be_header(row, used)
            and below
            and all(_width(one) <= width for one in rows[:number])
        ):
            alike = sum(len(one) == len(row) for one in below)
            # The lines above have fewer cells with a value than the header; below it, columns hold numbers.
            less = all(sum(map(bool, one)) < used for one in rows[: number - 1])
            numbers = any(_share_of_numbers(below, column) > 0.5 for column in range(used))
            if less and alike >= 0.9 * len(below) - 1 and (numbers or number <= 5):
                return number, ""
    filled = rows[first - 1] if rows else []
    if filled and any(_NUMBER.match(cell) for cell in filled if cell):
        return 1, f"line {first} looks like a row, not like a header"
    return 1, ""


def _may_be_header(row: list[str], used: int) -> bool:
    names = row[:used]
    filled = len(names) == used and all(names[1:]) and not any(row[used:])  # a first column may have no name
    return filled and not any(_NUMBER.match(name) for name in names) and len(set(names)) == used


def _footer(tail: list[list[str]], body: list[list[str]], width: int, above: int) -> int:
    """Number of lines with a value at the end of the file that are not rows."""
    rows = [row for row in tail[above:] if any(row)]
    if len(body) < 3 or len(rows) < 3:
        return 0
    middle = body[: max(3, len(body) - MAX_BELOW)] if above else body
    filled = [column for column in range(width) if all(len(row) > column and row[column] for row in middle)]
    numeric = [column for column in filled if _share_of_numbers(middle, column) == 1]
    firsts = {row[0] for row in middle if row}
    count = 0
    for back in range(1, min(MAX_BELOW, len(rows) - 2) + 1):
        row = rows[-back]
        cell = next(cell for cell in row if cell)
        empty = sum(len(row) <= column or not row[column] for column in filled)
        words = any(len(row) > column and row[column] and not _NUMBER.match(row[column]) for column in numeric)
        total = _TOTAL.match(cell) is not None and cell not in firsts
        short = 2 * empty >= len(filled) > 0
        other = len(row) != width and empty and not words
        if (total and (short or words or (empty and back == count + 1))) or (words and short) or (other and short):
            count = back
        elif back > count + 2:
            break
    return count


def _comment(lines: list[str], rows: list[list[str]], width: int) -> str:
    """COMMENT if all lines that begin with it differ from the rows in width; else ""."""
    marked = [len(row) for line, row in zip(lines, rows, strict=True) if line.startswith(COMMENT)]
    return COMMENT if marked and all(found != width for found in marked) else ""


def _used(rows: list[list[str]], width: int) -> int:
    """Number of columns up to the last one with values, apart from rarely filled ones at the right."""
    counts = [sum(len(row) > column and bool(row[column]) for row in rows) for column in range(width)]
    most = max(counts, default=0)
    return next((column + 1 for column in range(width - 1, -1, -1) if 2 * counts[column] > most * 0.1), 1)


def looks_like_row(line: str, row: str, delimiter: str) -> bool:
    """Whether a line has the form of a row: values and numbers in the same cells, and no word for a total.

    Args:
      line: A line that `skip_footer` would remove.
      row: A row of the table.
      delimiter: Delimiter of the cells.
    """
    cells, others = _cells(line, delimiter), _cells(row, delimiter)
    same = [bool(cell) for cell in cells] == [bool(cell) for cell in others]
    numbers = [bool(_NUMBER.match(cell)) for cell in cells] == [bool(_NUMBER.match(cell)) for cell in others]
    return len(cells) > 1 and same and numbers and not any(_TOTAL.match(cell) for cell in cells[:1])


def _share_of_numbers(rows: list[list[str]], column: int) -> float:
    cells = [row[column] for row in rows if len(row) > column and row[column]]
    return sum(bool(_NUMBER.match(cell)) for cell in cells) / len(cells) if cells else 0.0


def _width(row: list[str]) -> int:
    return len(row) if any(row) else 0


def _usual(widths: list[int]) -> int:
    return max(Counter(widths).items(), key=lambda pair: (pair[1], pair[0]))[0] if widths else 0


def _quoted_breaks(lines: list[str]) -> bool:
    """Whether a quoted cell spans several lines."""
    return any(line.count('"') % 2 for line in lines)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(text_csv.reader([line], delimiter=delimiter), [])]
    except text_csv.Error:
        return []


def _shown(line: str) -> str:
    return line if len(line) <= 60 else f"{line[:57]}..."
