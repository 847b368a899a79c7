"""Detects files of a table whose notation contradicts the others: order of day and month, decimal mark. Pure.

The notation of a column is decided from the rows of all files. A file with a different notation would be misread where
its values are ambiguous. The evidence of each file is therefore kept and compared after all files have been read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.table_reading.cells.date_notations import is_sure
from components.table_reading.cells.number_formats import firm_decimals
from components.table_reading.cells.number_notation import MARKS
from components.table_reading.read_options import ReadOptions, TypeCandidates


@dataclass(frozen=True)
class FileNotation:
    """The notation of one file, from its own values.

    Attributes:
      name: Path or URL of the file, for messages.
      dates: Column -> date format, for columns whose values determine it.
      decimal: The decimal mark of all unambiguous columns of numbers; "" if there are none or they differ.
      firm: Column -> decimal mark, for unambiguous columns of numbers.
      open: Ambiguous columns of numbers, which fit either decimal mark.
    """

    name: str
    dates: Mapping[str, str]
    decimal: str
    firm: Mapping[str, str]
    open: frozenset[str]


def notation_of_file(name: str, forms: Mapping[str, TypeCandidates]) -> FileNotation:
    """Derives the notation of one file from its counts.

    Args:
      name: Path or URL of the file, for messages.
      forms: Column -> counts of this file.
    """
    dates = {
        column: counted.date_format[0]
        for column, counted in forms.items()
        if counted.counts["dated"] and counted.date_format[0] and is_sure(counted.formats, counted.date_format)
    }
    numbers = {
        column: found
        for column, counted in forms.items()
        if (counted.numbers.rows or counted.numbers.points or counted.counts["float"])
        if (found := counted.without(tuple(counted.markers)).number_column()) is not None
    }
    firm = firm_decimals(numbers)
    marks = set(firm.values())
    decimal = next(iter(marks)) if len(marks) == 1 else ""
    return FileNotation(
        name, dates, decimal, firm, frozenset(column for column, one in numbers.items() if one.is_ambiguous)
    )


def torn_numbers(files: Sequence[FileNotation]) -> dict[str, str]:
    """Finds columns of numbers for which files use different decimal marks.

    The mark of an ambiguous column in a file is that of the file's other columns.

    Returns:
      Column -> reason why it is not read as numbers, for the user.
    """
    found: dict[str, str] = {}
    for column in sorted({column for file in files for column in (*file.firm, *file.open)}):
        by_mark: dict[str, str] = {}
        for file in files:
            mark = file.firm.get(column) or (file.decimal if column in file.open else "")
            if mark:
                by_mark.setdefault(mark, file.name)
        if len(by_mark) > 1:
            marks = " and ".join(f"decimal {MARKS[mark]} in {name}" for mark, name in by_mark.items())
            found[column] = f"numbers with {marks}, so they are not read as numbers; use one notation in all files"
    return found


def torn_dates(files: Sequence[FileNotation], types: Mapping[str, str], options: ReadOptions) -> dict[str, str]:
    """Finds columns of dates for which files use different formats.

    Args:
      files: The notation of each file.
      types: Column -> type alias.
      options: Read options with the date formats that were decided from all files.

    Returns:
      Column -> remark for the user.
    """
    found: dict[str, str] = {}
    for column in sorted({column for file in files for column in file.dates}):
        read = options.date_format.get(column, "") if types[column] in ("date", "timestamp") else ""
        by_format: dict[str, str] = {read: ""} if read else {}
        for file in files:
            if column in file.dates:
                by_format.setdefault(file.dates[column], file.name)
        others = {written: name for written, name in by_format.items() if written != read}
        if read and others:
            formats = ", ".join(f"{name} looks like {written}" for written, name in others.items())
            found[column] = f"all files are read as {read}, but {formats}; use one notation in all files"
        elif len(others) > 1:
            formats = ", ".join(f"{written} in {name}" for written, name in others.items())
            found[column] = f"dates are {formats}, so they are not read as dates; use one notation in all files"
    return found
