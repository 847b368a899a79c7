"""Files of one table that are written otherwise than the others: the order of day and month, the decimal mark. Pure.

All rows together decide how a column is read. A file whose own rows say something else would be read wrongly where its
values can be read both ways, so each file's say is kept, and compared when all have been read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.table_reading.cells.date_notations import is_sure
from components.table_reading.cells.number_formats import firm_decimals
from components.table_reading.cells.number_notation import MARKS
from components.table_reading.read_options import Forms, ReadOptions


@dataclass(frozen=True)
class FileNotation:
    """What one file's values say by themselves.

    Attributes:
      name: Of the file.
      dates: Column -> the only format, or the one that its rows speak for; columns that leave it open are not in it.
      decimal: The decimal mark of all its columns of numbers that show one; "" if none does, or they differ.
      firm: Column -> its decimal mark, of columns that show it.
      open: Columns of numbers that can be read with either mark.
    """

    name: str
    dates: Mapping[str, str]
    decimal: str
    firm: Mapping[str, str]
    open: frozenset[str]


def notation_of_file(name: str, forms: Mapping[str, Forms]) -> FileNotation:
    """Of the counts of one file."""
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
    """Column of numbers -> why it cannot be read: two files write it with different decimal marks.

    A column shows its mark in a file, or leaves it open in one whose other columns show another than the other files.
    """
    found: dict[str, str] = {}
    for column in sorted({column for file in files for column in (*file.firm, *file.open)}):
        by_mark: dict[str, str] = {}
        for file in files:
            mark = file.firm.get(column) or (file.decimal if column in file.open else "")
            if mark:
                by_mark.setdefault(mark, file.name)
        if len(by_mark) > 1:
            said = " and ".join(f"decimal {MARKS[mark]} in {name}" for mark, name in by_mark.items())
            found[column] = f"numbers with {said}, so they are not read as numbers; write them alike"
    return found


def torn_dates(files: Sequence[FileNotation], types: Mapping[str, str], options: ReadOptions) -> dict[str, str]:
    """Column -> a note where files write its dates in different formats."""
    found: dict[str, str] = {}
    for column in sorted({column for file in files for column in file.dates}):
        read = options.date_format.get(column, "") if types[column] in ("date", "timestamp") else ""
        by_format: dict[str, str] = {read: ""} if read else {}
        for file in files:
            if column in file.dates:
                by_format.setdefault(file.dates[column], file.name)
        others = {written: name for written, name in by_format.items() if written != read}
        if read and others:
            said = ", ".join(f"{name} looks like {written}" for written, name in others.items())
            found[column] = f"all files are read as {read}, but {said}; write them alike"
        elif len(others) > 1:
            said = ", ".join(f"{written} in {name}" for written, name in others.items())
            found[column] = f"dates are {said}, so they are not read as dates; write them alike"
    return found
