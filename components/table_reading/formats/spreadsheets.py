"""Converts sheets of spreadsheets (.xlsx, .xls, .xlsb, .ods) to CSV, as a spreadsheet program would save them.

All settings of CSV therefore apply to sheets: header row, missing values, notations, type mismatches. Formulas yield
their last computed values, dates become ISO 8601, row numbers are those of the sheet. A sheet is decoded as a whole (at
most 1,048,576 rows).
"""

import csv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import fs

from components.shared.errors import InputError
from components.table_reading.cells.type_mismatches import shorten
from components.table_reading.formats.optional_libraries import import_extra
from components.table_reading.read_options import ReadOptions
from components.table_reading.spans import SpanFile

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

SHOWN = 6
"""Maximum number of sheets named in a message."""
_PASSWORD = b"E\x00n\x00c\x00r\x00y\x00p\x00t\x00i\x00o\x00n\x00I\x00n\x00f\x00o"
"""Name of the stream EncryptionInfo in an encrypted .xlsx, in UTF-16."""


@dataclass(frozen=True)
class Sheet:
    """The selected sheet of a workbook.

    Attributes:
      name: Name of the sheet.
      others: Names of the other sheets, with "(hidden)" after hidden ones.
      merged: Number of merged ranges in the sheet; only the first cell of a range has the value.
    """

    name: str
    others: tuple[str, ...]
    merged: int


def describe_sheet(filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions) -> Sheet:
    """Describes the sheet that `write_sheet` reads, and raises the same errors.

    Args:
      filesystem: Filesystem of the file.
      file: The workbook.
      options: Read options; `sheet` names the sheet, "" selects the first visible one.
    """
    workbook = _workbook(filesystem, file, options)
    name = _chosen(workbook, file, options.sheet)
    visible = import_extra("python_calamine", "excel", file.name).SheetVisibleEnum.Visible
    others = tuple(
        one.name if one.visible == visible else f"{one.name} (hidden)"
        for one in workbook.sheets_metadata
        if one.name != name
    )
    return Sheet(name, others, len(_sheet(workbook, file, name).merged_cell_ranges or ()))


def write_sheet(filesystem: fs.FileSystem, file: SpanFile, folder: Path, options: ReadOptions) -> tuple[Path, str]:
    """Writes a sheet as comma-separated UTF-8 CSV into `folder`.

    Args:
      filesystem: Filesystem of the file.
      file: The workbook.
      folder: Folder of the CSV file.
      options: Read options; `sheet` names the sheet, "" selects the first visible one.

    Returns:
      Path of the CSV file, and a description of file and sheet for messages.

    Raises:
      InputError: The workbook cannot be read, or the sheet does not exist or is empty.
      MissingExtra: The extra `excel` is not installed.
    """
    workbook = _workbook(filesystem, file, options)
    sheet = _chosen(workbook, file, options.sheet)
    name = f"{file.name}, sheet '{shorten(sheet)}'"
    content = _sheet(workbook, file, sheet)
    options.limits.check_columns(name, content.total_width)
    rows = content.to_python(skip_empty_area=False)
    width = max((_width(row) for row in rows), default=0)
    while rows and not _width(rows[-1]):
        rows.pop()
    if not rows:
        raise InputError(f"{name}: is empty; [data] sheet or --sheet names another: {_names(workbook)}")
    path = folder / "sheet.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        # csv.writer would quote the single empty cell of a row, which makes it an empty string instead of missing.
        for row in rows:
            cells = [_text(cell) for cell in row[:width]]
            if width == 1 and not cells[0]:
                target.write("\n")
            else:
                writer.writerow(cells)
    return path, name


def _workbook(filesystem: fs.FileSystem, file: SpanFile, options: ReadOptions) -> "CalamineWorkbook":
    calamine = import_extra("python_calamine", "excel", file.name)
    try:
        with filesystem.open_input_file(file.path) as stream:
            _check_expansion(stream, file, options)
            return calamine.CalamineWorkbook.from_filelike(stream)
    except calamine.PasswordError as exc:
        raise _encrypted(file) from exc
    except (calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError) as exc:
        with filesystem.open_input_stream(file.path, compression=None) as stream:
            if _PASSWORD in stream.read(1 << 20):
                raise _encrypted(file) from exc
        raise InputError(f"{file.name}: cannot be read as a spreadsheet ({shorten(str(exc))})") from exc


def _encrypted(file: SpanFile) -> InputError:
    return InputError(f"{file.name}: is protected by a password; save it without one")


def _check_expansion(stream: pa.NativeFile, file: SpanFile, options: ReadOptions) -> None:
    """Raises InputError for a decompression bomb: .xlsx and .ods are zip archives that are unpacked as a whole."""
    size = stream.size()
    if size and stream.read(4) == b"PK\x03\x04":
        stream.seek(0)
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            unpacked, packed = (
                sum(sizes) for sizes in zip(*((m.file_size, m.compress_size) for m in members), strict=True)
            )
            options.limits.check_expansion(file.name, unpacked, packed)
    stream.seek(0)


def _chosen(workbook: "CalamineWorkbook", file: SpanFile, wanted: str) -> str:
    """Selects the sheet to read, by name or the first visible one."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    known = workbook.sheets_metadata
    if wanted:
        if wanted in (one.name for one in known):
            return wanted
        raise InputError(f"{file.name}: no sheet is named '{shorten(wanted)}'; sheets: {_names(workbook)}")
    tables = [one for one in known if one.typ == SheetTypeEnum.WorkSheet]
    visible = [one.name for one in tables if one.visible == SheetVisibleEnum.Visible]
    if not visible:
        raise InputError(f"{file.name}: no sheet is visible; [data] sheet or --sheet names one: {_names(workbook)}")
    return visible[0]


def _sheet(workbook: "CalamineWorkbook", file: SpanFile, name: str) -> "CalamineSheet":
    from python_calamine import CalamineError

    try:
        return workbook.get_sheet_by_name(name)
    except (CalamineError, ValueError) as exc:
        raise InputError(f"{file.name}: sheet '{shorten(name)}' cannot be read ({shorten(str(exc))})") from exc


def _names(workbook: "CalamineWorkbook") -> str:
    names = workbook.sheet_names
    return ", ".join(map(shorten, names[:SHOWN])) + (", ..." if names[SHOWN:] else "")


def _width(row: Sequence[Any]) -> int:
    """Number of cells up to the last one with a value."""
    return next((place for place in range(len(row), 0, -1) if row[place - 1] != ""), 0)


def _text(cell: Any) -> str:
    """Formats a cell for CSV: 3.0 becomes 3; dates and times are ISO 8601, a timestamp at midnight a date."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2.0**63 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = cell.total_seconds()
        minutes, rest = divmod(abs(seconds), 60)
        sign = "-" if seconds < 0 else ""
        return f"{sign}{int(minutes // 60)}:{int(minutes % 60):02d}:{f'{rest:09.6f}'.rstrip('0').rstrip('.')}"
    return str(cell)
